/** `log` in hem.yml. */
import { z } from 'zod';

export const logSettings = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    /** One line per request. */
    requests: z.boolean().default(true),
  })
  .prefault({});

export type LogSettings = z.output<typeof logSettings>;

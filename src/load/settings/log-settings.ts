/** `log` in hem.yml. */
import { z } from 'zod';

export const logSettings = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
    /** One line per request; unless said, where nobody sits before it: where standard output is no terminal. */
    requests: z.boolean().optional(),
  })
  .prefault({});

export type LogSettings = z.output<typeof logSettings>;

/** `store` in hem.yml: where what outlives a process, or what several processes share, is kept. */
import { z } from 'zod';
import { duration } from '../units.ts';

const nodes = z
  .array(z.string().regex(/^[^\s:/]+:\d{1,5}$/, { error: 'host:port' }))
  .min(1)
  .max(100);

const embedded = z.strictObject({
  kind: z.literal('embedded'),
  /** Relative to the configuration directory. */
  file: z.string().default('.hem/store.sqlite'),
});

const redis = z.strictObject({
  kind: z.literal('redis'),
  /** One server. */
  url: z.string().optional(),
  sentinel: z.strictObject({ name: z.string(), nodes, password: z.string().optional() }).optional(),
  cluster: z.strictObject({ nodes }).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  tls: z.boolean().default(false),
  /** What all keys begin with. */
  prefix: z
    .string()
    .regex(/^[\w.:-]{1,64}$/)
    .default('hem'),
  /** How long one command may take. */
  timeout: duration.default(50),
});

export const storeSettings = z.discriminatedUnion('kind', [embedded, redis]).prefault({ kind: 'embedded' });

export type StoreSettings = z.output<typeof storeSettings>;
export type RedisSettings = z.output<typeof redis>;

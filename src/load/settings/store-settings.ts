/** `store` in hem.yml: where what outlives a process, or what several processes share, is kept. */
import { z } from 'zod';
import { duration } from '../../units.ts';

const NODE = /^(?:\[[\da-f:]+\]|[^\s:/@[\]]+):(\d{1,5})$/i;
const node = z.string().refine((text) => isPort(NODE.exec(text)?.[1]), {
  error: 'a host and a port such as "redis-1.internal:26379"',
});
const nodes = z.array(node).min(1).max(100);

const embedded = z.strictObject({
  kind: z.literal('embedded'),
  /** Relative to the configuration directory. */
  file: z.string().default('.hem/store.sqlite'),
});

const WAYS = ['url', 'sentinel', 'cluster'] as const;
const MIN_TIMEOUT_MS = 5;
const MAX_TIMEOUT_MS = 1000;

const redis = z
  .strictObject({
    kind: z.literal('redis'),
    /** One server. */
    url: z
      .string()
      .regex(/^rediss?:\/\/\S+$/, {
        error: 'an address such as "redis://127.0.0.1:6379", or "rediss://…" with TLS',
      })
      .optional(),
    sentinel: z.strictObject({ name: z.string(), nodes, password: z.string().optional() }).optional(),
    cluster: z.strictObject({ nodes }).optional(),
    username: z.string().optional(),
    password: z.string().optional(),
    tls: z.boolean().default(false),
    /** What all keys begin with. */
    prefix: z
      .string()
      .regex(/^[\w.:-]{1,64}$/, { error: 'at most 64 letters, digits and . _ : -' })
      .default('hem'),
    /** How long one command may take. Whoever waits for it, waits that long when Redis is lost. */
    timeout: duration
      .refine((ms) => ms >= MIN_TIMEOUT_MS && ms <= MAX_TIMEOUT_MS, {
        error: 'a duration from "5ms" to "1s"',
      })
      .default(40),
  })
  .refine((settings) => WAYS.filter((way) => settings[way] !== undefined).length <= 1, {
    error: 'one of url, sentinel and cluster: each is a way of its own to Redis',
  });

export const storeSettings = z
  .discriminatedUnion('kind', [embedded, redis], { error: 'embedded or redis' })
  .prefault({ kind: 'embedded' });

export type StoreSettings = z.output<typeof storeSettings>;
export type RedisSettings = z.output<typeof redis>;

function isPort(text: string | undefined): boolean {
  return Number(text) >= 1 && Number(text) <= 65_535;
}

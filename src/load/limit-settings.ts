/** A limit, as plans and clients write it. */
import { z } from 'zod';
import { duration } from '../units.ts';

export const UNITS = ['requests', 'cost', 'bytes', 'concurrent', 'events'] as const;
export const PARTITIONS = ['consumer', 'key', 'ip', 'client', 'claim'] as const;
export const PERIODS = ['minute', 'hour', 'day', 'week', 'month'] as const;

export const limitSettings = z.strictObject({
  /** What answers and metrics call it. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, { error: 'a name such as "per-minute"' }),
  /** What is counted: requests, their cost, bytes of answers, operations at the same time, events of subscriptions. */
  unit: z.enum(UNITS).default('requests'),
  limit: z.int().min(1).max(1e15),
  /** By what `unit` and `per` say, unless set. `rate` refills evenly, `quota` begins anew with each calendar period, `rolling` looks back, `concurrency` counts what runs. */
  algorithm: z.enum(['rate', 'quota', 'rolling', 'concurrency']).optional(),
  /** A duration, or for a quota the calendar period (UTC). */
  per: z
    .union([z.enum(PERIODS), duration], { error: `a duration such as 10s, or one of ${PERIODS.join(', ')}` })
    .optional(),
  /** How much may come at once. */
  burst: z.int().min(1).max(1e15).optional(),
  /** Whose it is. */
  by: z.enum(PARTITIONS).default('consumer'),
  /** For `by: claim`. */
  claim: z.string().min(1).max(100).optional(),
  /** Counted and told, but nobody is refused. */
  shadow: z.boolean().default(false),
  /** How long a request may be held back instead of being refused. */
  delay: duration.optional(),
  /** What counts more while the store cannot be reached. */
  onStoreLoss: z.enum(['availability', 'limit']).default('limit'),
});

export type LimitSettings = z.output<typeof limitSettings>;

/** What is counted by, also where nothing says it. */
export function algorithmOf({
  algorithm,
  unit,
  per,
}: Pick<LimitSettings, 'algorithm' | 'unit' | 'per'>): NonNullable<LimitSettings['algorithm']> {
  if (algorithm !== undefined) return algorithm;
  if (unit === 'concurrent') return 'concurrency';
  return typeof per === 'string' ? 'quota' : 'rate';
}

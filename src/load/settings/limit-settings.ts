/** A limit, as plans and clients write it. */
import { z } from 'zod';
import { duration, formatDuration } from '../../units.ts';

export const UNITS = ['requests', 'cost', 'bytes', 'concurrent', 'events'] as const;
export const PARTITIONS = ['consumer', 'key', 'ip', 'client', 'claim'] as const;
export const PERIODS = ['minute', 'hour', 'day', 'week', 'month'] as const;

const PER = `a duration such as "10s" or "1m", or a period of the calendar: ${PERIODS.join(', ')}`;

/** Connections on which nothing moves for long are closed. */
const MAX_DELAY_MS = 30_000;

const limitShape = z.strictObject({
  /** What answers and metrics call it. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, {
    error: 'a name of a-z, 0-9 and "-" that begins with a letter, 32 characters at most: "per-minute"',
  }),
  /** What is counted: requests, their cost, bytes of answers, operations at the same time, events of subscriptions. */
  unit: z.enum(UNITS).default('requests'),
  limit: z.int().min(1).max(1e15),
  /** By what `unit` and `per` say, unless set. `rate` refills evenly, `quota` begins anew with each calendar period, `rolling` looks back, `concurrency` counts what runs. */
  algorithm: z.enum(['rate', 'quota', 'rolling', 'concurrency']).optional(),
  /** A duration, or the period of the calendar (UTC) for a quota. */
  per: z.union([z.enum(PERIODS), duration], { error: PER }).optional(),
  /** How much may come at once. */
  burst: z.int().min(1).max(1e15).optional(),
  /** Whose it is. */
  by: z.enum(PARTITIONS).default('consumer'),
  /** For `by: claim`. */
  claim: z.string().min(1).max(100).optional(),
  /** Counted and told, but nobody is refused. */
  shadow: z.boolean().default(false),
  /** How long a request may be held back instead of being refused. */
  delay: duration.refine((ms) => ms <= MAX_DELAY_MS, { error: 'a duration of at most "30s"' }).optional(),
  /** What counts more while the store cannot be reached. */
  onStoreLoss: z.enum(['availability', 'limit']).default('limit'),
});

/** What goes with what: `algorithm` is what `unit` and `per` say where it is left out. */
export const limitSettings = limitShape.superRefine((limit, context) => {
  const algorithm = algorithmOf(limit);
  const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  if ((limit.unit === 'concurrent') !== (algorithm === 'concurrency'))
    refuse('algorithm', '"concurrency" for the unit "concurrent", and for no other');
  else if (algorithm === 'concurrency' && limit.per !== undefined)
    refuse('per', 'none: what runs at the same time has no window');
  else if (algorithm === 'quota' && typeof limit.per !== 'string')
    refuse('per', `for a quota a period of the calendar: ${PERIODS.join(', ')}`);
  else if (limit.per === undefined && limit.algorithm === undefined && algorithm === 'rate')
    refuse('per', PER);
  else if ((algorithm === 'rate' || algorithm === 'rolling') && typeof limit.per !== 'number')
    refuse('per', `for "${algorithm}" a duration such as "10s" or "1m"`);
  else if (limit.per === 0) refuse('per', 'a duration that is longer than nothing');
  if (limit.burst !== undefined && algorithm !== 'rate') refuse('burst', 'none: only a rate has a burst');
  if ((limit.by === 'claim') !== (limit.claim !== undefined))
    refuse('claim', limit.by === 'claim' ? 'the name of a claim' : 'none, unless it is counted "by: claim"');
  if (limit.delay !== undefined && limit.shadow)
    refuse('delay', 'none: what is only counted holds nobody back');
});

/** Of one file. */
export const limitList = z
  .array(limitSettings)
  .max(50)
  .superRefine(
    (limits, context) => {
      const names = limits.map((limit: Partial<LimitSettings> | undefined) => limit?.name);
      for (const [index, name] of names.entries())
        if (typeof name === 'string' && names.indexOf(name) !== index)
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: 'a name that no other limit here has',
          });
    },
    // Also where one of them has another mistake: all are told at once.
    { when: ({ value }) => Array.isArray(value) },
  );

export function algorithmOf({
  algorithm,
  unit,
  per,
}: Pick<z.output<typeof limitShape>, 'algorithm' | 'unit' | 'per'>): NonNullable<LimitSettings['algorithm']> {
  if (algorithm !== undefined) return algorithm;
  if (unit === 'concurrent') return 'concurrency';
  return typeof per === 'string' ? 'quota' : 'rate';
}

export type LimitSettings = z.output<typeof limitSettings>;

/** With durations as they stand in files. */
export function limitAsWritten({ per, delay, ...limit }: LimitSettings): WrittenLimit {
  return {
    ...limit,
    ...(per === undefined ? {} : { per: typeof per === 'number' ? formatDuration(per) : per }),
    ...(delay === undefined ? {} : { delay: formatDuration(delay) }),
  };
}

export type WrittenLimit = Omit<LimitSettings, 'per' | 'delay'> & {
  readonly per?: string;
  readonly delay?: string;
};

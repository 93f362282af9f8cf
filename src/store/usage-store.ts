/** Who used what, how often, in which hour and on which day. Additions commute, and one that is handed in twice counts once. */

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export interface UsageKey {
  readonly consumer: string;
  readonly client: string;
  /** `Type.field` of the client's schema. */
  readonly coordinate: string;
}

export interface UsageCount extends UsageKey {
  /** Operations that were executed and select the field. */
  readonly count: number;
  /** Errors that answers had there. */
  readonly errors: number;
  /** `Date.now()` */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** A time in which one process counted without a break. Of what a store has lost the middle of, both ends are runs: see {@link processOf}. */
export interface UsageRun {
  readonly run: string;
  readonly from: number;
  /** What happened before that is in the store. */
  readonly until: number;
}

export interface UsageAddition extends UsageRun {
  /** From 1 on, one more for each addition of the run: how a store knows those that it has. */
  readonly seq: number;
  /** Until when what went before it was counted: a store that has lost that knows nothing of the time before. */
  readonly since: number;
  /** In which all of it happened: its beginning. */
  readonly hour: number;
  /** Of one key at most one. */
  readonly counts: readonly UsageCount[];
  /** How long what happened is kept by hours, and by days. */
  readonly keepMs: { readonly hour: number; readonly day: number };
}

export interface UsageQuery extends Partial<UsageKey> {
  readonly by: 'hour' | 'day';
  /** Beginnings of the first hour or day, and of the first that is left out. */
  readonly since: number;
  readonly until: number;
}

export interface UsageStore {
  /** Rejects when it is not known whether it was added: then the same is to be handed in again, before any other of its run. */
  add(addition: UsageAddition): Promise<void>;
  /** In any order; a key may come several times, for different times. */
  read(query: UsageQuery): AsyncIterable<readonly UsageCount[]>;
  /** All that is remembered, in any order. */
  runs(): Promise<readonly UsageRun[]>;
}

/** The beginning of the hour or day, in UTC. */
export function beginningOf(at: number, by: UsageQuery['by']): number {
  const length = by === 'hour' ? HOUR_MS : DAY_MS;
  return Math.floor(at / length) * length;
}

/** The name of a run of which a store has only the beginning, if anything. @param seq of the last addition that it has */
export function brokenOff(run: string, seq: number): string {
  return `${run}:${seq}`;
}

/** Equal for all parts of what one process counted. */
export function processOf({ run }: Pick<UsageRun, 'run'>): string {
  return run.split(':', 1)[0]!;
}

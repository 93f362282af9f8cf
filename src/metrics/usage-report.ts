/** What is asked of usage: who used which field in a window of time, and for which part of it that is known. */
import type { UsageSettings } from '../load/settings/metrics-settings.ts';
import {
  beginningOf,
  DAY_MS,
  HOUR_MS,
  processOf,
  type UsageCount,
  type UsageKey,
  type UsageRun,
  type UsageStore,
} from '../store/usage-store.ts';

export interface UsageRequest extends Partial<UsageKey> {
  readonly since: number;
  readonly until: number;
}

export interface Span {
  readonly since: number;
  readonly until: number;
}

export interface UsageReport {
  /** What was asked for, widened to whole hours or days. */
  readonly window: Span & { readonly by: 'hour' | 'day' };
  readonly counted: {
    /** The first and last moment of the window that counts are known of; undefined where there is none. */
    readonly span: Span | undefined;
    /** Times of the window, until now, in which nobody counted, or what was counted is lost. */
    readonly gaps: readonly Span[];
    /** Whether the window is over, all of it was counted, and every gateway that runs has had the time to say so. */
    readonly isComplete: boolean;
  };
  /** By client, field and consumer. */
  readonly rows: readonly UsageCount[];
}

/** Rows that are held at once. */
const MAX_ROWS = 200_000;
/** A break of counting that nobody needs to know of. */
const MIN_GAP_MS = 1000;
/** So many times `flush` ago, a gateway that runs has handed in what it counted. */
const FLUSHES_UNTIL_KNOWN = 2;

export class TooMuchUsage extends Error {}

/** @throws {TooMuchUsage}, and what the store throws */
export async function reportUsage(
  store: UsageStore,
  { since, until, ...key }: UsageRequest,
  { hours, flush }: Pick<UsageSettings, 'hours' | 'flush'>,
): Promise<UsageReport> {
  const now = Date.now();
  const areHoursKept = beginningOf(since, 'hour') >= beginningOf(now, 'hour') - hours * HOUR_MS;
  const by = areHoursKept ? 'hour' : 'day';
  const length = by === 'hour' ? HOUR_MS : DAY_MS;
  const window = { since: beginningOf(since, by), until: beginningOf(until - 1, by) + length };
  const rows = new Map<string, UsageCount>();
  for await (const page of store.read({ by, ...window, ...key })) {
    for (const count of page) {
      const id = `${count.client}\n${count.coordinate}\n${count.consumer}`;
      const known = rows.get(id);
      if (known === undefined && rows.size >= MAX_ROWS)
        throw new TooMuchUsage(`This is more than ${MAX_ROWS} lines: ask for one client, field or consumer.`);
      rows.set(id, known === undefined ? count : sum(known, count));
    }
  }
  return {
    window: { ...window, by },
    counted: countedIn(window, await store.runs(), { now, lag: FLUSHES_UNTIL_KNOWN * flush }),
    rows: [...rows.values()].sort(byKey),
  };
}

/** Compares as rows are sorted. */
export function byKey(a: UsageKey, b: UsageKey): number {
  return (
    compare(a.client, b.client) || compare(a.coordinate, b.coordinate) || compare(a.consumer, b.consumer)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sum(a: UsageCount, b: UsageCount): UsageCount {
  return {
    ...a,
    count: a.count + b.count,
    errors: a.errors + b.errors,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: Math.max(a.lastAt, b.lastAt),
  };
}

/** @param lag for so long a gateway may have counted without having said so */
function countedIn(
  window: Span,
  runs: readonly UsageRun[],
  { now, lag }: { readonly now: number; readonly lag: number },
): UsageReport['counted'] {
  const end = Math.max(window.since, Math.min(window.until, now));
  const within = ({ since, until }: Span): readonly Span[] => {
    const part = { since: Math.max(since, window.since), until: Math.min(until, end) };
    return part.since < part.until ? [part] : [];
  };
  const spans = merged(runs.flatMap(({ from, until }) => within({ since: from, until })));
  const isOver = window.until <= now - lag;
  const uncounted = between([
    { since: window.since, until: window.since },
    ...spans,
    // What is not there yet may be on its way.
    ...(isOver || end - (spans.at(-1)?.until ?? window.since) > lag ? [{ since: end, until: end }] : []),
  ]);
  const gaps = merged([...uncounted, ...lostOf(runs).flatMap(within)]).filter(
    ({ since, until }) => until - since >= MIN_GAP_MS,
  );
  const [first, last] = [spans[0], spans.at(-1)];
  return {
    span: first && { since: first.since, until: last!.until },
    gaps,
    isComplete: isOver && first !== undefined && gaps.length === 0,
  };
}

/** What a store had of one process and lost, whoever else counted meanwhile. */
function lostOf(runs: readonly UsageRun[]): readonly Span[] {
  return [...Map.groupBy(runs, processOf).values()].flatMap((parts) =>
    between(parts.map(({ from, until }) => ({ since: from, until })).sort(bySince)),
  );
}

/** @param spans sorted */
function between(spans: readonly Span[]): readonly Span[] {
  return spans.slice(1).map(({ since }, index) => ({ since: spans[index]!.until, until: since }));
}

function merged(spans: readonly Span[]): readonly Span[] {
  const all: Span[] = [];
  for (const span of [...spans].sort(bySince)) {
    const last = all.at(-1);
    if (last === undefined || span.since > last.until) all.push(span);
    else all[all.length - 1] = { since: last.since, until: Math.max(last.until, span.until) };
  }
  return all;
}

function bySince(a: Span, b: Span): number {
  return a.since - b.since;
}

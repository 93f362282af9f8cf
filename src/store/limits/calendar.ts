/** Calendar periods in UTC. Weeks are those of ISO 8601 and begin on Mondays. */
import type { LimitRule } from '../limit-store.ts';

export type Period = NonNullable<LimitRule['period']>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday: the first Monday was the 5th. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

const LENGTHS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS, week: WEEK_MS } as const;

/** When the period began that `now` is in. */
export function startOf(period: Period, now: number): number {
  if (period === 'month') {
    const date = new Date(now);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  }
  const length = LENGTHS[period];
  const first = period === 'week' ? FIRST_MONDAY_MS : 0;
  return Math.floor((now - first) / length) * length + first;
}

/** When the next period begins after the one that began at `start`. */
export function endOf(period: Period, start: number): number {
  if (period !== 'month') return start + LENGTHS[period];
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

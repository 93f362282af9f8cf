/** When a key is to end, as people write it: "90d", or a day such as "2027-01-31". */
import { parseDuration } from '../units.ts';
import { unfit } from './refusals.ts';

const MAX_YEARS = 20;
const MAX_MS = MAX_YEARS * 365 * 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** @returns `Date.now()` of that time; undefined for nothing. @throws {HemError} BAD_REQUEST */
export function parseExpiry(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const length = parseDuration(text);
  const at = length === undefined ? dateOf(text) : now + length;
  const told = `"${text.slice(0, 40)}"`;
  if (at === undefined)
    throw unfit(
      `A key expires after a time such as "90d" or "12h", or on a day to come such as "2027-01-31" (UTC); ${told} is neither.`,
    );
  if (at <= now || at > now + MAX_MS)
    throw unfit(`A key expires later than now, and within ${MAX_YEARS} years; ${told} is not then.`);
  return at;
}

/** Undefined for what is no day of the calendar: "2027-02-30" is otherwise taken for another. */
function dateOf(text: string): number | undefined {
  if (!DAY.test(text) || Number.isNaN(Date.parse(text))) return undefined;
  const day = text.slice(0, 10);
  const known = Date.parse(day);
  return !Number.isNaN(known) && new Date(known).toISOString().startsWith(day) ? Date.parse(text) : undefined;
}

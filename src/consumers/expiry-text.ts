/** When a key is to end, as people write it: "90d", or a day such as "2027-01-31". */
import { parseDuration } from '../units.ts';
import { unfit } from './refusals.ts';

const MAX_MS = 20 * 365 * 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** @returns `Date.now()` of that time; undefined for nothing. @throws {HemError} BAD_REQUEST */
export function parseExpiry(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const length = parseDuration(text);
  const at = length !== undefined ? now + length : DAY.test(text) ? Date.parse(text) : Number.NaN;
  if (at > now && at <= now + MAX_MS) return at;
  throw unfit(
    `A key expires after a time such as "90d" or "12h", or on a day to come such as "2027-01-31" (UTC); "${text.slice(0, 40)}" is neither.`,
  );
}

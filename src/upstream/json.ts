/** JSON from backends, without loss: a number that a double cannot hold arrives as its text. */
import { sameNumber } from '../mapping/exact-number.ts';
import { holdsMoreObjects, tooMany } from './many-objects.ts';

/** With fewer digits in a row, a point aside, a double holds any number. */
const SAFE_DIGITS = 15;
const HALF = (SAFE_DIGITS + 1) / 2;
/** In JSON a digit stands before every exponent. Found in half the time of what follows, which says more. */
const MAYBE_EXPONENT = /\d[eE][+-]?\d{3}/;
/** Outside of texts; what looks like it inside of one only costs time. */
const BIG_EXPONENT = /(?:^|[[:,\s])-?\d[\d.]*[eE][+-]?\d{3}/;

/** Why a text is not read; continues "answered application/json". */
export class UnreadableJson extends Error {}

/**
 * @param maxObjects how many objects and lists the text may hold: the shortest have two bytes there, and a hundred once they are read
 * @throws {UnreadableJson}
 */
export function parseJsonLosslessly(text: string, maxObjects: number): unknown {
  if (holdsMoreObjects(text, maxObjects)) {
    throw new UnreadableJson(`with ${tooMany(maxObjects)}`);
  }
  try {
    return parseNumbersLosslessly(text);
  } catch (cause) {
    throw new UnreadableJson('that is not JSON', { cause });
  }
}

/** @throws {SyntaxError} */
export function parseNumbersLosslessly(text: string): unknown {
  return mayLoseDigits(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/**
 * A cheap test that is never wrong the dangerous way. Whatever is longer than {@link SAFE_DIGITS} covers one of the characters
 * that are looked at, so most are not. Long numbers that a double holds all the same (coordinates, texts of digits) do not count:
 * reading with a function takes several times as long.
 */
function mayLoseDigits(text: string): boolean {
  for (let at = SAFE_DIGITS; at < text.length; at += SAFE_DIGITS + 1) {
    if (!isOfNumber(text.charCodeAt(at))) continue;
    // So long a run reaches at least half its length to one side.
    if (!isOfNumber(text.charCodeAt(at - HALF)) && !isOfNumber(text.charCodeAt(at + HALF))) continue;
    let start = at;
    while (start > 0 && isOfNumber(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (end < text.length && isOfNumber(text.charCodeAt(end))) end++;
    if (end - start > SAFE_DIGITS && losesDigits(text, start, end)) return true;
    at += Math.max(0, end - at - SAFE_DIGITS - 1);
  }
  return MAYBE_EXPONENT.test(text) && BIG_EXPONENT.test(text);
}

/** Of a run of digits and points that is long. */
function losesDigits(text: string, start: number, end: number): boolean {
  const next = text[end];
  // With an exponent it is for the slow way to say.
  if (next === 'e' || next === 'E') return true;
  if (text[start - 1] === '"' || (text[start - 1] === '-' && text[start - 2] === '"')) return false;
  const source = text.slice(start, end);
  return !sameNumber(source, Number(source));
}

/** A digit or the point. */
function isOfNumber(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46;
}

/** For `JSON.parse`: a number that a double cannot hold is its text. @param context with the text, as ECMAScript 2026 hands it over */
export function keepDigits(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  if (Number.isSafeInteger(value) && !/[.eE]/.test(context.source)) return value;
  return sameNumber(context.source, value) ? value : context.source;
}

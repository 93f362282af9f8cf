/**
 * A text as whoever wrote it meant it, however often it was written into another one: without the escapes of JSON, of addresses and forms,
 * of HTML and XML. For finding things in it, not for reading: what is no escape may be taken for one, in the same way everywhere.
 */

export interface DecodedText {
  readonly text: string;
  /** Where a character of it begins in the original. */
  startOf(index: number): number;
  /** Where it ends there. */
  endOf(index: number): number;
}

const ESCAPE =
  /\\+(?:u([0-9a-fA-F]{4})|([nrt]))?|((?:%[0-9a-fA-F]{2})+)|&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g;
const MAYBE_ESCAPED = /[\\%&+]/;
const ESCAPED = new RegExp(ESCAPE.source);

const IN_JSON: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const IN_HTML: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const LAST_CODE_POINT = 0x10ffff;
/** A text within a text within a text. */
const MAX_PASSES = 4;

export function decoded(original: string): DecodedText {
  if (!MAYBE_ESCAPED.test(original))
    return { text: original, startOf: (index) => index, endOf: (index) => index + 1 };
  let text = withSpaces(original);
  let starts = Array.from({ length: original.length }, (_, index) => index);
  let ends = starts.map((start) => start + 1);
  for (let pass = 0; pass < MAX_PASSES && ESCAPED.test(text); pass++) {
    ({ text, starts, ends } = decodeOnce(text, starts, ends));
    text = withSpaces(text);
  }
  return { text, startOf: (index) => starts[index]!, endOf: (index) => ends[index]! };
}

/** As they are written in forms. */
function withSpaces(text: string): string {
  return text.replaceAll('+', ' ');
}

function decodeOnce(text: string, starts: readonly number[], ends: readonly number[]) {
  const next = { text: '', starts: [] as number[], ends: [] as number[] };
  let at = 0;
  const copyUntil = (end: number) => {
    next.text += text.slice(at, end);
    for (; at < end; at++) {
      next.starts.push(starts[at]!);
      next.ends.push(ends[at]!);
    }
  };
  for (const match of text.matchAll(ESCAPE)) {
    copyUntil(match.index);
    at = match.index + match[0].length;
    const meant = meantBy(match);
    next.text += meant;
    for (let unit = 0; unit < meant.length; unit++) {
      next.starts.push(starts[match.index]!);
      next.ends.push(ends[at - 1]!);
    }
  }
  copyUntil(text.length);
  return next;
}

function meantBy(match: RegExpExecArray): string {
  const [, unit, named, bytes, decimal, hex, entity] = match;
  if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16));
  if (named !== undefined) return IN_JSON[named]!;
  if (bytes !== undefined) return Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8');
  if (entity !== undefined) return IN_HTML[entity]!;
  if (decimal !== undefined) return characterOf(Number(decimal));
  if (hex !== undefined) return characterOf(Number.parseInt(hex, 16));
  // Backslashes alone are there for what follows them.
  return '';
}

function characterOf(code: number): string {
  return code <= LAST_CODE_POINT ? String.fromCodePoint(code) : '';
}

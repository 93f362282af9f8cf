/** JSON from backends, without loss: a number that a double cannot hold arrives as its text. */

/** A cheap test that is never wrong the dangerous way: without 16 digits in a row (a point aside) a double holds any number. */
const LONG_NUMBER = /\d(?:\.?\d){15}|\d[eE][+-]?\d{3}/;

/** @throws {SyntaxError} */
export function parseJsonLosslessly(text: string): unknown {
  return LONG_NUMBER.test(text)
    ? JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1])
    : JSON.parse(text);
}

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value;
  if (Number.isSafeInteger(value) && !/[.eE]/.test(context.source)) return value;
  return sameNumber(context.source, value) ? value : context.source;
}

/** Whether a decimal text and a double are the same number. */
export function sameNumber(source: string, value: number): boolean {
  return normalise(source) === normalise(String(value));
}

/** Digits without leading and trailing zeros, and where the point stands: equal exactly for equal decimals. */
function normalise(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const point = Number(exponent) - fraction.length + (digits.length - significant.length);
  return significant === '' ? '0' : `${sign}${significant}e${point}`;
}

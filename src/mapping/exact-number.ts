/** Whether a decimal text and a double are the same number. */
export function sameNumber(source: string, value: number): boolean {
  return normalise(source) === normalise(String(value));
}

/** The double that is the same number as a decimal text; the text where there is none. */
export function toExactNumber(source: string): number | string {
  const value = Number(source);
  return sameNumber(source, value) ? value : source;
}

/** Digits without leading and trailing zeros, and where the point stands: equal exactly for equal decimals. */
function normalise(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  // Not by a pattern: it would begin anew at every zero.
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  const significant = digits.slice(0, end);
  const point = Number(exponent) - fraction.length + (digits.length - significant.length);
  return significant === '' ? '0' : `${sign}${significant}e${point}`;
}

/** Bounds how many objects an answer holds: two bytes of it become a hundred in memory, and each is looked at by itself. */

const QUOTE = 34;
const COMMA = 44;
const BRACKET = 91;
const BACKSLASH = 92;
const BRACE = 123;

/** So many values may stand in an answer for each object that may be there. */
export const VALUES_PER_OBJECT = 10;

/** What is too much, for operators. */
export function tooMany(maxObjects: number): string {
  return `more than ${maxObjects} objects and lists, or ${maxObjects * VALUES_PER_OBJECT} values, see limits.responseObjects`;
}

/** Whether so many bytes or characters are enough for that: each takes two brackets. */
export function mayHoldMore(length: number, maxObjects: number): boolean {
  return length / 2 >= maxObjects;
}

/** Whether a text of JSON holds more objects and lists, or ten times as many values; what is too short for that is not looked at. */
export function holdsMoreObjects(text: string, maxObjects: number): boolean {
  if (!mayHoldMore(text.length, maxObjects)) return false;
  const maxValues = maxObjects * VALUES_PER_OBJECT;
  let count = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfText(text, at);
    else if ((code === BRACE || code === BRACKET) && ++count > maxObjects) return true;
    else if (code === COMMA && ++values >= maxValues) return true;
  }
  return false;
}

/** @param start of a quote @returns where the quote that ends the text is, or the end of everything */
function endOfText(text: string, start: number): number {
  for (let at = start; ; ) {
    at = text.indexOf('"', at + 1);
    if (at === -1) return text.length;
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
}

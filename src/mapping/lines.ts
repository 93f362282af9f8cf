/** Lines and columns of places in GraphQL sources, which know their offsets only. */
import type { Location, Source } from 'graphql';

/** Where the lines of a source begin. */
const starts = new WeakMap<Source, readonly number[]>();

/** Both from 1. */
export function linePosition({ start, source }: Pick<Location, 'start' | 'source'>): {
  readonly line: number;
  readonly column: number;
} {
  const lines = starts.get(source) ?? lineStarts(source.body);
  starts.set(source, lines);
  let [low, high] = [0, lines.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle]! <= start) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: start - lines[low]! + 1 };
}

function lineStarts(text: string): readonly number[] {
  return [0, ...text.matchAll(/\r\n|\n|\r/g).map(({ 0: end, index }) => index + end.length)];
}

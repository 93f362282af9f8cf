/** Tables for people; on a terminal their heads are bold. */
import { styleText } from 'node:util';
import { escapeControls } from '../problems.ts';

export type Row = readonly (string | null)[];

/** @param nothing what stands there instead of a table without rows */
export function printTable(head: readonly string[], rows: readonly Row[], nothing: string): void {
  if (rows.length === 0) {
    console.log(nothing);
    return;
  }
  // A row is one line, whatever somebody has written into a cell.
  const cells = rows.map((row) => row.map((cell) => escapeControls((cell ?? '–').replaceAll('\n', '\\n'))));
  const widths = columnWidths([head, ...cells]);
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  console.log(styleText('bold', line(head.map((name) => name.toUpperCase())), { stream: process.stdout }));
  for (const row of cells) console.log(line(row));
}

/** Of as many rows as there may be: more than a function takes arguments. */
export function columnWidths(rows: ReadonlyArray<readonly string[]>): readonly number[] {
  return rows[0]!.map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0));
}

/** "2027-01-31 14:05", in UTC, of an ISO time. */
export function toMinute(time: string | null): string | null {
  return upTo(time, 16);
}

/** "2027-01-31 14:05:30", of what ends to the second. */
export function toSecond(time: string | null): string | null {
  return upTo(time, 19);
}

function upTo(time: string | null, characters: number): string | null {
  return time === null ? null : time.slice(0, characters).replace('T', ' ');
}

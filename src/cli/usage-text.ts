/** Usage for people: a table, and what it does not know. */
import { styleText } from 'node:util';
import type { UsageSettings } from '../load/settings/metrics-settings.ts';
import { toLabel } from '../metrics/bounded-labels.ts';
import type { UnusedField } from '../metrics/usage-json.ts';
import type { Span, UsageReport } from '../metrics/usage-report.ts';
import { formatDuration } from '../units.ts';
import { columnWidths, toMinute, toSecond } from './table.ts';

const HEADINGS = ['FIELD', 'CLIENT', 'CONSUMER', 'USED', 'ERRORS', 'FIRST SEEN', 'LAST SEEN'] as const;
/** Columns of numbers. */
const RIGHT = new Set([3, 4]);
const MAX_GAPS = 5;

/** What was used most comes first. @param consumer who was asked for, if anybody */
export function usageText(
  report: UsageReport,
  { flush, consumer }: Pick<UsageSettings, 'flush'> & { readonly consumer: string | undefined },
): string {
  const rows = [...report.rows].sort((a, b) => b.count - a.count);
  if (rows.length === 0) {
    const hint = [
      `A gateway that runs hands on what it counted every ${formatDuration(flush)}.`,
      ...(consumer === undefined ? [] : ['"hem consumers list" tells the names of consumers.']),
    ].join(' ');
    return [head(report), `Nobody used anything of it. ${styleText('dim', hint)}`].join('\n\n');
  }
  const cells = rows.map(({ coordinate, client, consumer, count, errors, firstAt, lastAt }) => [
    coordinate,
    client,
    toLabel(consumer),
    count.toLocaleString('en'),
    errors === 0 ? '' : errors.toLocaleString('en'),
    moment(firstAt),
    moment(lastAt),
  ]);
  return [head(report), table([[...HEADINGS], ...cells])].join('\n\n');
}

export function unusedText(report: UsageReport, unused: readonly UnusedField[]): string {
  const parts = [head(report)];
  if (report.counted.span === undefined) return `${parts[0]} What is unused is not known.`;
  if (unused.length === 0) parts.push('Every field was used.');
  for (const [client, fields] of Map.groupBy(unused, (one) => one.client)) {
    const lines = fields.map(
      ({ field, deprecated }) => `  ${field}${deprecated ? styleText('dim', '  deprecated') : ''}`,
    );
    parts.push([styleText('bold', `${client}: ${fields.length} unused`), ...lines].join('\n'));
  }
  if (unused.length > 0 && report.counted.gaps.length > 0)
    parts.push(
      styleText('yellow', 'Part of the window was not counted: what is unused here may have been used then.'),
    );
  return parts.join('\n\n');
}

function head({ window, counted }: UsageReport): string {
  const lines = [`${styleText('bold', span(window))}  UTC, by ${window.by}`];
  if (counted.span === undefined) lines.push('Nothing was counted in this time.');
  else {
    lines.push(`counted ${span(counted.span)}`);
    for (const gap of counted.gaps.slice(0, MAX_GAPS))
      lines.push(styleText('yellow', `missing ${span(gap)}`));
    if (counted.gaps.length > MAX_GAPS)
      lines.push(styleText('yellow', `and ${counted.gaps.length - MAX_GAPS} times more`));
  }
  return lines.join('\n');
}

/** To the minute, or to the second where it is shorter than one. */
function span({ since, until }: Span): string {
  const tell = moment(since) === moment(until) ? toSecond : toMinute;
  return `${tell(new Date(since).toISOString())} – ${tell(new Date(until).toISOString())}`;
}

function moment(at: number): string {
  return toMinute(new Date(at).toISOString())!;
}

function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths = columnWidths(rows);
  return rows
    .map((row, index) => {
      const cells = row.map((cell, column) =>
        RIGHT.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      );
      const line = cells.join('  ').trimEnd();
      return index === 0 ? styleText('dim', line) : line;
    })
    .join('\n');
}

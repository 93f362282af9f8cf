/** A report of usage as JSON: times as people write them. */
import type { Span, UsageReport } from './usage-report.ts';

export interface UnusedField {
  readonly client: string;
  readonly field: string;
  readonly deprecated: boolean;
}

/** @param unused where it was asked for what nobody used */
export function usageToJson({ window, counted, rows }: UsageReport, unused?: readonly UnusedField[]) {
  return {
    window: { ...spanToJson(window), by: window.by },
    counted: {
      ...(counted.span === undefined ? { since: null, until: null } : spanToJson(counted.span)),
      gaps: counted.gaps.map(spanToJson),
      complete: counted.isComplete,
    },
    ...(unused === undefined
      ? {
          usage: rows.map(({ consumer, client, coordinate, count, errors, firstAt, lastAt }) => ({
            consumer,
            client,
            field: coordinate,
            count,
            errors,
            firstSeen: new Date(firstAt).toISOString(),
            lastSeen: new Date(lastAt).toISOString(),
          })),
        }
      : { unused }),
  };
}

function spanToJson({ since, until }: Span) {
  return { since: new Date(since).toISOString(), until: new Date(until).toISOString() };
}

/** Usage as CloudEvents 1.0, for whoever bills or collects: one event per consumer, field and window. */
import { createHash } from 'node:crypto';
import type { UsageReport } from './usage-report.ts';

export const CLOUD_EVENTS_TYPE = 'application/cloudevents-batch+json';

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** The end of the window. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: unknown;
}

const SOURCE = '/hem/usage';
const TYPE = 'dev.hem.usage.field.v1';

/** The same event has the same id, however often it is asked for; while its window is not over, it may say more later. */
export function toCloudEvents({
  window,
  counted,
  rows,
}: Pick<UsageReport, 'window' | 'counted' | 'rows'>): readonly CloudEvent[] {
  const time = new Date(window.until).toISOString();
  const complete = counted.gaps.length === 0;
  return rows.map(({ consumer, client, coordinate, count, errors, firstAt, lastAt }) => ({
    specversion: '1.0',
    id: idOf([consumer, client, coordinate, window.since, window.until]),
    source: SOURCE,
    type: TYPE,
    subject: `${client}/${coordinate}`,
    time,
    datacontenttype: 'application/json',
    data: {
      consumer,
      client,
      field: coordinate,
      count,
      errors,
      firstSeen: new Date(firstAt).toISOString(),
      lastSeen: new Date(lastAt).toISOString(),
      window: { since: new Date(window.since).toISOString(), until: time },
      complete,
    },
  }));
}

function idOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 32);
}

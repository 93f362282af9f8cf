/** Usage as CloudEvents 1.0, for whoever bills or collects: one event per consumer, field and window. */
import { createHash } from 'node:crypto';
import type { UsageSettings } from '../load/settings/metrics-settings.ts';
import type { UsageReport } from './usage-report.ts';

export const CLOUD_EVENTS_TYPE = 'application/cloudevents-batch+json';

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** The end of the window, or when the field was last used in one that is not known to its end. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: unknown;
}

const TYPE = 'dev.hem.usage.field.v1';

/**
 * Of equal sources and ids all else is equal, too: receivers may drop all but one. A window that is not known to its end may be told again, with more in
 * it and by another id.
 */
export function toCloudEvents(
  { window, counted: { isComplete }, rows }: Pick<UsageReport, 'window' | 'counted' | 'rows'>,
  { source }: Pick<UsageSettings, 'source'>,
): readonly CloudEvent[] {
  const until = new Date(window.until).toISOString();
  return rows.map(({ consumer, client, coordinate, count, errors, firstAt, lastAt }) => {
    const lastSeen = new Date(lastAt).toISOString();
    const data = {
      consumer,
      client,
      field: coordinate,
      count,
      errors,
      firstSeen: new Date(firstAt).toISOString(),
      lastSeen,
      window: { since: new Date(window.since).toISOString(), until },
      complete: isComplete,
    };
    return {
      specversion: '1.0',
      id: idOf(data),
      source,
      type: TYPE,
      subject: `${client}/${coordinate}`,
      time: isComplete ? until : lastSeen,
      datacontenttype: 'application/json',
      data,
    };
  });
}

function idOf(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('base64url').slice(0, 32);
}

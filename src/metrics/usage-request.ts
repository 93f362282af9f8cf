/** What people ask for when they ask for usage. */
import { didYouMean, namesOf } from '../problems.ts';
import { parseDuration } from '../units.ts';
import { type ClientSchema, coordinatesOf } from './client-fields.ts';
import type { UsageReport, UsageRequest } from './usage-report.ts';

export const USAGE_DEFAULT_SINCE = '7d';
const MAX_CHARACTERS = 256;
const MAX_NAMED = 20;

export interface AskedUsage {
  readonly consumer?: string | undefined;
  readonly client?: string | undefined;
  readonly field?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Says what is wrong and what would be right. */
export class UsageMistake extends Error {}

/** @throws {UsageMistake} */
export function readUsageRequest({ consumer, client, field, since, until }: AskedUsage): UsageRequest {
  const now = Date.now();
  const [from, to] = [
    momentOf('since', since ?? USAGE_DEFAULT_SINCE, now),
    until === undefined ? now : momentOf('until', until, now),
  ];
  if (from >= to) throw new UsageMistake('"since" has to be before "until".');
  for (const [name, value] of Object.entries({ consumer, client, field }))
    if (value !== undefined && (value === '' || value.length > MAX_CHARACTERS))
      throw new UsageMistake(`"${name}" is a name of up to ${MAX_CHARACTERS} characters.`);
  if (field !== undefined && !/^\w+\.\w+$/.test(field))
    throw new UsageMistake('"field" is a field of the client\'s schema, such as "Station.name".');
  return {
    since: from,
    until: to,
    ...(consumer === undefined ? {} : { consumer }),
    ...(client === undefined ? {} : { client }),
    ...(field === undefined ? {} : { coordinate: field }),
  };
}

/**
 * An empty answer to a name that there is not would be taken for "nobody uses it". What was used once may be asked for when it is gone.
 *
 * @throws {UsageMistake}
 */
export function checkNames(
  { client, coordinate }: UsageRequest,
  schemas: readonly ClientSchema[],
  { report, wantsUnused }: { readonly report: UsageReport; readonly wantsUnused: boolean },
): void {
  if (report.rows.length > 0 && !wantsUnused) return;
  const clients = schemas.map((one) => one.client);
  if (client !== undefined && !clients.includes(client))
    throw new UsageMistake(`There is no client "${client}"; there are ${namesOf(clients, MAX_NAMED)}.`);
  if (coordinate === undefined) return;
  const fields = schemas
    .filter((one) => client === undefined || one.client === client)
    .flatMap(coordinatesOf);
  if (fields.includes(coordinate)) return;
  const text = `${client === undefined ? 'No client has a' : `The client "${client}" has no`} field "${coordinate}"`;
  const hint = didYouMean(coordinate, [...new Set(fields)]);
  throw new UsageMistake(hint === undefined ? `${text}, and nobody used one.` : `${text}; ${hint}`);
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** `7d` is so long ago; or a date, in UTC unless it says otherwise, as reports write them. */
function momentOf(name: string, text: string, now: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return Math.floor(now - ago);
  const [, day, time = '00:00', zone = 'Z'] = MOMENT.exec(text) ?? [];
  const midnight = day === undefined ? Number.NaN : Date.parse(`${day}T00:00Z`);
  // Else it is no day of the calendar.
  if (Number.isFinite(midnight) && new Date(midnight).toISOString().startsWith(day!)) {
    const date = Date.parse(`${day}T${time}${zone}`);
    if (Number.isFinite(date)) return date;
  }
  throw new UsageMistake(
    `"${name}" is how long ago, such as "7d" or "12h", or a date in UTC such as "2026-11-01" or "2026-11-01T12:00:00Z".`,
  );
}

/** `GET /api/usage`: who used which field, page by page. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '../doors/refusal.ts';
import { HemError } from '../errors.ts';
import type { UsageSettings } from '../load/settings/metrics-settings.ts';
import { type ClientSchema, unusedFields } from '../metrics/client-fields.ts';
import { CLOUD_EVENTS_TYPE, toCloudEvents } from '../metrics/usage-events.ts';
import { usageToJson } from '../metrics/usage-json.ts';
import { byKey, reportUsage, TooMuchUsage, type UsageReport } from '../metrics/usage-report.ts';
import { checkNames, readUsageRequest, UsageMistake } from '../metrics/usage-request.ts';
import type { UsageKey, UsageStore } from '../store/usage-store.ts';
import { requireReading } from './read-only.ts';
import { send } from './send.ts';

const PARAMETERS = [
  'consumer',
  'client',
  'field',
  'since',
  'until',
  'unused',
  'limit',
  'after',
  'format',
] as const;
const MAX_LIMIT = 1000;

export interface UsageApi {
  readonly store: () => UsageStore;
  readonly settings: UsageSettings;
  readonly schemas: () => readonly ClientSchema[];
  /** Hands to the store what was counted until now. */
  flush(): Promise<void>;
}

/** What consumers may not say when they ask for their own. */
const OPERATORS_ALONE = ['consumer', 'unused'];

/**
 * @param search the query part of the address, without "?"
 * @param consumer the only one whose usage it may be
 * @throws {Refusal}
 */
export async function answerUsage(
  { store, settings, schemas, flush }: UsageApi,
  message: IncomingMessage,
  response: ServerResponse,
  { search, consumer }: { readonly search: string; readonly consumer?: string },
): Promise<void> {
  requireReading(message);
  const names =
    consumer === undefined ? PARAMETERS : PARAMETERS.filter((name) => !OPERATORS_ALONE.includes(name));
  const asked: Partial<Record<(typeof PARAMETERS)[number], string>> = {
    ...readParameters(search, names),
    ...(consumer !== undefined && { consumer }),
  };
  const request = orRefuse(() => readUsageRequest(asked));
  const wantsUnused = isYes(asked.unused);
  const ofPages = ['limit', 'after', 'format'].find((name) => name in asked);
  if (wantsUnused && ofPages !== undefined)
    throw badRequest(`What nobody used comes as a whole, and as JSON: leave out "${ofPages}".`);
  const limit = limitOf(asked.limit);
  const after = asked.after === undefined ? undefined : keyOf(asked.after);
  const format =
    asked.format ?? (message.headers.accept?.includes(CLOUD_EVENTS_TYPE) ? 'cloudevents' : 'json');
  if (format !== 'json' && format !== 'cloudevents') throw badRequest('"format" is "json" or "cloudevents".');
  await flush();
  const report = await Promise.try(() => reportUsage(store(), request, settings)).catch(toRefusal);
  // Which clients and fields there are is not for every consumer to know.
  if (consumer === undefined) orRefuse(() => checkNames(request, schemas(), { report, wantsUnused }));
  if (wantsUnused) {
    const unused = unusedFields(schemas(), report, request);
    return sendJson(response, 'application/json', usageToJson(report, unused));
  }
  const { page, next } = pageOf(report, after, limit);
  if (format === 'cloudevents') sendJson(response, CLOUD_EVENTS_TYPE, toCloudEvents(page, settings));
  else sendJson(response, 'application/json', { ...usageToJson(page), next });
}

function sendJson(response: ServerResponse, contentType: string, body: unknown): void {
  send(response, { contentType, text: JSON.stringify(body) });
}

function readParameters(search: string, names: readonly string[]): Partial<Record<string, string>> {
  const given = new URLSearchParams(search);
  const found: Record<string, string> = Object.create(null);
  for (const [name, value] of given) {
    if (!names.includes(name))
      throw badRequest(`There is no parameter ${JSON.stringify(name.slice(0, 64))}: ${names.join(', ')}.`);
    if (name in found) throw badRequest(`"${name}" comes twice.`);
    found[name] = value;
  }
  return found;
}

function isYes(text: string | undefined): boolean {
  if (text === undefined || text === '0' || text === 'false') return false;
  if (text === '1' || text === 'true') return true;
  throw badRequest('"unused" is "1" or "true", "0" or "false".');
}

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? 100);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw badRequest(`"limit" is a whole number from 1 to ${MAX_LIMIT}.`);
}

function pageOf(
  report: UsageReport,
  after: UsageKey | undefined,
  limit: number,
): { readonly page: UsageReport; readonly next: string | null } {
  const rest = after === undefined ? report.rows : report.rows.filter((row) => byKey(row, after) > 0);
  const rows = rest.slice(0, limit);
  const last = rows.at(-1);
  const next = last === undefined || rest.length <= limit ? null : toCursor(last);
  return { page: { ...report, rows }, next };
}

function toCursor({ client, coordinate, consumer }: UsageKey): string {
  return Buffer.from(JSON.stringify([client, coordinate, consumer])).toString('base64url');
}

function keyOf(cursor: string): UsageKey {
  try {
    const [client, coordinate, consumer] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if ([client, coordinate, consumer].every((part) => typeof part === 'string'))
      return { client, coordinate, consumer };
  } catch {
    // As below.
  }
  throw badRequest('"after" is what an earlier page gave as "next".');
}

function orRefuse<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    return toRefusal(error);
  }
}

function toRefusal(error: unknown): never {
  if (error instanceof UsageMistake || error instanceof TooMuchUsage) throw badRequest(error.message);
  if (error instanceof HemError) throw error;
  throw new HemError('STORE_UNAVAILABLE', { internal: 'the store did not say who used what', cause: error });
}

function badRequest(text: string): Refusal {
  return new Refusal('BAD_REQUEST', text);
}

/** What a caller asks for, read from the address or the body. All doors over HTTP read it here. */
import { isUtf8 } from 'node:buffer';
import { isObject } from '../json-object.ts';
import type { ClientSettings } from '../load/settings/settings.ts';
import { parseJson } from './json.ts';
import { type ContentType, JSON_TYPE } from './media-type.ts';
import { readMultipart } from './multipart.ts';
import { Refusal } from './refusal.ts';

/** One operation as it was asked for. */
export interface Params {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Readonly<Record<string, unknown>> | null;
  readonly extensions?: Readonly<Record<string, unknown>> | null;
}

const KEYS = new Set(['query', 'operationName', 'variables', 'extensions']);

/** @param search the query part of the address, without "?" @throws {Refusal} */
export function paramsOfAddress(search: string): Params {
  const pairs = new URLSearchParams(search);
  // What cannot be read is replaced by this sign; a caller may have meant it, too.
  if (pairs.values().some((text) => text.includes('\uFFFD')) && !isReadable(search))
    throw new Refusal('BAD_REQUEST', 'The address is not UTF-8.');
  const json = (name: string): unknown => {
    const text = pairs.get(name);
    return text === null || text === '' ? undefined : parseJson(text, `"${name}"`);
  };
  return toParams({
    query: pairs.get('query') ?? undefined,
    operationName: pairs.get('operationName') || undefined,
    variables: json('variables'),
    extensions: json('extensions'),
  });
}

function isReadable(encoded: string): boolean {
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}

/** One operation, or those of a batch; a promise of them only where there are uploads. @throws {Refusal} */
export function paramsOfBody(
  body: Buffer,
  contentType: ContentType | undefined,
  settings: Pick<ClientSettings, 'batching' | 'uploads'> & { readonly maxBytes: number },
): Params | readonly Params[] | Promise<Params | readonly Params[]> {
  if (contentType === undefined) throw unsupported('a POST needs a Content-Type.');
  if (!contentType.isUtf8) throw unsupported('the charset has to be utf-8.');
  switch (contentType.type) {
    case JSON_TYPE:
    case 'application/graphql+json':
      return toOneOrMany(parseJson(toText(body), 'The body'), settings);
    case 'application/graphql':
      return toParams({ query: toText(body) });
    case 'multipart/form-data':
      if (settings.uploads === undefined) throw unsupported('this client takes no uploads.');
      return readMultipart(body, contentType, settings.uploads, settings.maxBytes).then((operations) =>
        toOneOrMany(operations, settings),
      );
    default:
      throw unsupported(`a POST is ${JSON_TYPE}.`);
  }
}

function toOneOrMany(
  value: unknown,
  { batching }: Pick<ClientSettings, 'batching'>,
): Params | readonly Params[] {
  if (!Array.isArray(value)) return toParams(value);
  if (batching === undefined)
    throw new Refusal('BAD_REQUEST', 'This client takes one operation per request.');
  if (value.length === 0) throw new Refusal('BAD_REQUEST', 'The batch is empty.');
  if (value.length > batching.max) {
    throw new Refusal('OPERATION_TOO_LARGE', `A batch has at most ${batching.max} operations.`);
  }
  return value.map(toParams);
}

function toParams(value: unknown): Params {
  if (!isObject(value)) throw new Refusal('BAD_REQUEST', 'The request is not an object with a "query".');
  for (const key in value) {
    if (!KEYS.has(key))
      throw new Refusal('BAD_REQUEST', `There is no parameter ${JSON.stringify(key.slice(0, 64))}.`);
  }
  const { query, operationName, variables, extensions } = value;
  if (typeof query !== 'string' || query === '')
    throw new Refusal('BAD_REQUEST', 'The request has no "query".');
  if (!isAbsent(operationName) && typeof operationName !== 'string')
    throw new Refusal('BAD_REQUEST', '"operationName" is not a text.');
  if (!isAbsent(variables) && !isObject(variables))
    throw new Refusal('BAD_REQUEST', '"variables" is not an object.');
  if (!isAbsent(extensions) && !isObject(extensions))
    throw new Refusal('BAD_REQUEST', '"extensions" is not an object.');
  return { query, operationName, variables, extensions } as Params;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function toText(body: Buffer): string {
  if (!isUtf8(body)) throw new Refusal('BAD_REQUEST', 'The body is not UTF-8.');
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  return body.toString('utf8', start);
}

function unsupported(text: string): Refusal {
  return new Refusal('UNSUPPORTED_MEDIA_TYPE', `This media type is not read here: ${text}`);
}

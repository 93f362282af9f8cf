/** What a request says its body is, and what its answer may be. */

export const RESPONSE_TYPE = 'application/graphql-response+json';
export const JSON_TYPE = 'application/json';
export type AnswerType = typeof RESPONSE_TYPE | typeof JSON_TYPE;

export const MULTIPART_TYPE = 'multipart/mixed';
export const EVENT_STREAM_TYPE = 'text/event-stream';
/** What an answer in parts comes as. */
export type PartsType = typeof MULTIPART_TYPE | typeof EVENT_STREAM_TYPE;
/** The parameter of `multipart/mixed` that says which format its parts have; Apollo Client sends it. */
const INCREMENTAL_SPEC = 'incrementalspec=v0.2';

export interface ContentType {
  /** Lower-case, without parameters. */
  readonly type: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly isUtf8: boolean;
}

const MAX_REMEMBERED = 100;

/** The same few headers come with nearly every request: what was read from them is kept, a bounded number of it. */
export function remembered<Read>(
  read: (header: string | undefined) => Read,
): (header: string | undefined) => Read {
  const known = new Map<string | undefined, Read>();
  return (header) => {
    const earlier = known.get(header);
    if (earlier !== undefined || known.has(header)) return earlier as Read;
    const value = read(header);
    if (known.size < MAX_REMEMBERED && (header?.length ?? 0) < 200) known.set(header, value);
    return value;
  };
}

const TYPE = /^\s*([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)\s*/;
/** One, or none between two semicolons; a value may be in quotes. */
const PARAMETER = /;\s*(?:([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+)))?\s*/y;

/** A `Content-Type` header (RFC 9110, 8.3); undefined when there is none, it is not one media type, or says something twice. */
export const parseContentType = remembered((header: string | undefined): ContentType | undefined => {
  const [start, type] = TYPE.exec(header ?? '') ?? [];
  if (header === undefined || start === undefined || type === undefined) return undefined;
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = start.length;
  while (PARAMETER.lastIndex < header.length) {
    const found = PARAMETER.exec(header);
    if (found === null) return undefined;
    const [, given, quoted, plain] = found;
    if (given === undefined) continue;
    const name = given.toLowerCase();
    if (parameters.has(name)) return undefined;
    parameters.set(name, plain ?? quoted!.replaceAll(/\\(.)/g, '$1'));
  }
  const charset = parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  return { type: type.toLowerCase(), parameters, isUtf8: charset === 'utf-8' || charset === 'utf8' };
});

export interface PreferredType {
  readonly type: AnswerType;
  /** Not only implied by a wildcard. */
  readonly named: boolean;
  /** How an answer in several parts may come as well. */
  readonly parts: PartsType | undefined;
}

/** Which of the two media types of GraphQL over HTTP a caller prefers; undefined when neither will do. */
export const preferredAnswerType = remembered((accept: string | undefined): PreferredType | undefined => {
  const ranges = mediaRanges(accept);
  const [best] = [rangeFor(ranges, JSON_TYPE), rangeFor(ranges, RESPONSE_TYPE)]
    .filter((found) => found !== undefined && found.range.quality > 0)
    .sort((a, b) => ranges.indexOf(a!.range) - ranges.indexOf(b!.range));
  if (best === undefined) return undefined;
  const { type, range } = best;
  return { type, named: type === range.type, parts: partsAmong(ranges.filter(isAccepted)) };
});

/** What an `Accept` header says of a type: the range that names it counts more than those that it is among (RFC 9110, 12.5.1). */
function rangeFor(ranges: readonly MediaRange[], type: AnswerType) {
  for (const name of [type, 'application/*', '*/*']) {
    const range = ranges.find((one) => one.type === name);
    if (range !== undefined) return { type, range };
  }
  return undefined;
}

/** How an answer in several parts may come; undefined when it has to be one, or none. */
export function partsType(accept: string | undefined): PartsType | undefined {
  return partsAmong(acceptedRanges(accept));
}

/** Whether it is for an answer as one. */
function isForOne({ type }: MediaRange): boolean {
  return [RESPONSE_TYPE, JSON_TYPE, '*/*', 'application/*'].includes(type);
}

/**
 * Many accept everything that they have ever heard of, so what counts is what their senders can read (docs/protocol.md says who sends
 * what): a media type that says which format is meant, unless JSON is wanted more; `multipart/mixed` alone only when it stands before JSON.
 */
function partsAmong(ranges: readonly MediaRange[]): PartsType | undefined {
  const one = ranges.findIndex(isForOne);
  const wanted = ranges[one]?.quality ?? 0;
  const taken = ranges.find(({ type, parameters, quality }, index) => {
    const isUnclear = type === MULTIPART_TYPE && parameters.length === 0;
    return isPartsType(type, parameters) && quality >= wanted && !(isUnclear && one !== -1 && one < index);
  });
  return taken?.type as PartsType | undefined;
}

function isPartsType(type: string, parameters: readonly string[]): boolean {
  if (type === EVENT_STREAM_TYPE) return true;
  return type === MULTIPART_TYPE && parameters.every((text) => text === INCREMENTAL_SPEC);
}

/** Whether an answer in parts is wanted in another format than ours. */
export function namesOlderFormat(accept: string | undefined): boolean {
  return acceptedRanges(accept).some(
    ({ type, parameters }) => type === MULTIPART_TYPE && !isPartsType(type, parameters),
  );
}

/** Whether results may come as server-sent events. */
export function acceptsEventStream(accept: string | undefined): boolean {
  return acceptedRanges(accept).some(({ type }) => [EVENT_STREAM_TYPE, 'text/*', '*/*'].includes(type));
}

export function acceptsHtml(accept: string | undefined): boolean {
  return acceptedRanges(accept).some(({ type }) => type === 'text/html');
}

interface MediaRange {
  readonly type: string;
  /** `name=value` in lower case, without quotes; without the quality, and without a boundary, which is the sender's to choose. */
  readonly parameters: readonly string[];
  readonly quality: number;
}

function isAccepted({ quality }: MediaRange): boolean {
  return quality > 0;
}

function acceptedRanges(accept: string | undefined): readonly MediaRange[] {
  return mediaRanges(accept).filter(isAccepted);
}

/** Media ranges of an `Accept` header, most wanted first; those at the end may be refused. Without a header everything is accepted. */
function mediaRanges(accept: string | undefined): readonly MediaRange[] {
  if (accept === undefined || accept.trim() === '') return [{ type: '*/*', parameters: [], quality: 1 }];
  return accept
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((text) => text.startsWith('q='));
      return {
        type,
        parameters: parameters
          .filter((text) => text !== '' && !/^(?:q|boundary)=/.test(text))
          .map((text) => text.replaceAll('"', '')),
        quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0,
      };
    })
    .sort((a, b) => b.quality - a.quality);
}

/** What a request says its body is, and what its answer may be. */

export const RESPONSE_TYPE = 'application/graphql-response+json';
export const JSON_TYPE = 'application/json';
export type AnswerType = typeof RESPONSE_TYPE | typeof JSON_TYPE;

export interface ContentType {
  /** Lower-case, without parameters. */
  readonly type: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

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

/** A `Content-Type` header; undefined when there is none or it is not one media type. */
export const parseContentType = remembered((header: string | undefined): ContentType | undefined => {
  const [type = '', ...rest] = (header ?? '').split(';').map((part) => part.trim());
  if (!/^[^/]+\/[^/]+$/.test(type) || !type.split('/').every((part) => TOKEN.test(part))) return undefined;
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const [, name, quoted, plain] = /^([^=\s]+)=(?:"([^"\\]*)"|([^"\s]+))$/.exec(part) ?? [];
    const value = quoted ?? plain;
    if (name === undefined || value === undefined || parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), value);
  }
  return { type: type.toLowerCase(), parameters };
});

export interface PreferredType {
  readonly type: AnswerType;
  /** Not only implied by a wildcard. */
  readonly named: boolean;
}

/** Which of the two media types of GraphQL over HTTP a caller prefers; undefined when neither will do. */
export const preferredAnswerType = remembered((accept: string | undefined): PreferredType | undefined => {
  for (const type of acceptedTypes(accept)) {
    if (type === RESPONSE_TYPE || type === JSON_TYPE) return { type, named: true };
    if (type === '*/*' || type === 'application/*') return { type: JSON_TYPE, named: false };
  }
  return undefined;
});

/** Whether results may come as server-sent events. */
export function acceptsEventStream(accept: string | undefined): boolean {
  return acceptedTypes(accept).some((type) => ['text/event-stream', 'text/*', '*/*'].includes(type));
}

export function acceptsHtml(accept: string | undefined): boolean {
  return acceptedTypes(accept).includes('text/html');
}

/** Media ranges of an `Accept` header, most wanted first. Without a header everything is accepted. */
function acceptedTypes(accept: string | undefined): readonly string[] {
  if (accept === undefined || accept.trim() === '') return ['*/*'];
  return accept
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((text) => text.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ type }) => type);
}

/** The two doors over HTTP, told apart by nothing but the media type of a body. */
import type { TestGateway } from '../support/gateway.ts';

/** A POST of JSON as `application/json` takes the short door, as this the broad one. */
const BROAD_TYPE = 'application/graphql+json';
const SHORT_TYPE = 'application/json';

/** What a caller reads of an answer, without what is the transport's affair: dates, connections, how the length is told. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What is left of a limit is another number at each request. */
const TRANSPORT = new Set([
  'date',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'ratelimit',
]);

async function seen(response: Response): Promise<Seen> {
  const headers = [...response.headers].filter(([name]) => !TRANSPORT.has(name));
  return { status: response.status, headers: Object.fromEntries(headers), text: await response.text() };
}

/** Whether a request has two doors. */
export function hasTwoDoors({ method, headers }: RequestInit): boolean {
  const [type] = (new Headers(headers).get('content-type') ?? '').split(';');
  return method === 'POST' && type!.trim().toLowerCase() === SHORT_TYPE;
}

/** One request at both doors, with the same request id. */
export async function atBothDoors(
  { fetch }: Pick<TestGateway, 'fetch'>,
  path: string,
  init: RequestInit,
): Promise<{ readonly short: Seen; readonly broad: Seen }> {
  const ask = async (type: string) => {
    const headers = new Headers(init.headers);
    headers.set('x-request-id', 'same');
    headers.set('content-type', headers.get('content-type')!.replace(SHORT_TYPE, type));
    return seen(await fetch(path, { ...init, headers }));
  };
  return { short: await ask(SHORT_TYPE), broad: await ask(BROAD_TYPE) };
}

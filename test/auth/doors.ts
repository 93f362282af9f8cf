/** One operation through every door, as one result. */
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { CURRENT, PartReader } from '../doors/part-reader.ts';
import type { GraphQLBody, TestGateway } from '../support/gateway.ts';

export interface Passed {
  /** Undefined where the door has none: what a batch, a stream or a socket says is inside. */
  readonly status: number | undefined;
  readonly challenge: string | null;
  /** Undefined over websocket. */
  readonly headers?: Headers;
  readonly body: GraphQLBody;
}

interface Asked {
  readonly gateway: TestGateway;
  readonly client: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly token: string | undefined;
  readonly key?: string | undefined;
  /** The page that asks. */
  readonly origin?: string | undefined;
}

type Door = (asked: Asked) => Promise<Passed>;

const ACCEPT = 'application/graphql-response+json';

async function call(asked: Asked, init: RequestInit, search = ''): Promise<Response> {
  return asked.gateway.fetch(`/${asked.client}/graphql${search}`, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), ...headersOf(asked) },
  });
}

function headersOf({ token, key, origin }: Asked): Record<string, string> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(key === undefined ? {} : { 'x-api-key': key }),
    ...(origin === undefined ? {} : { origin }),
  };
}

async function toPassed(
  response: Response,
  of: (body: never) => GraphQLBody = (body) => body,
): Promise<Passed> {
  const body = (await response.json()) as GraphQLBody;
  // What is refused before it is executed is one answer, at every door.
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    headers: response.headers,
    body: 'errors' in body ? body : of(body as never),
  };
}

/** Nothing is deferred: the answer is one, in whichever form. */
async function takeParts(asked: Asked, accept: string): Promise<Passed> {
  const { gateway, client, query, variables } = asked;
  const parts = await PartReader.open(gateway, query, {
    client,
    accept,
    ...(variables === undefined ? {} : { variables }),
    headers: headersOf(asked),
  });
  const { status, headers } = parts.response;
  const [only, ...more] = await parts.rest();
  if (only === undefined || more.length > 0) throw new Error(`${more.length + (only ? 1 : 0)} parts`);
  return {
    status,
    challenge: headers.get('www-authenticate'),
    headers,
    body: only as unknown as GraphQLBody,
  };
}

export const DOORS: Readonly<Record<string, Door>> = {
  post: async (asked) => {
    const { query, variables } = asked;
    const headers = { 'content-type': 'application/json', accept: ACCEPT };
    return toPassed(
      await call(asked, { method: 'POST', headers, body: JSON.stringify({ query, variables }) }),
    );
  },
  get: async (asked) => {
    const search = new URLSearchParams({ query: asked.query });
    if (asked.variables !== undefined) search.set('variables', JSON.stringify(asked.variables));
    return toPassed(await call(asked, { headers: { accept: ACCEPT } }, `?${search}`));
  },
  batch: async (asked) => {
    const { query, variables } = asked;
    const headers = { 'content-type': 'application/json', accept: ACCEPT };
    const body = JSON.stringify([{ query: '{ __typename }' }, { query, variables }]);
    const passed = await toPassed(
      await call(asked, { method: 'POST', headers, body }),
      (all: readonly GraphQLBody[]) => all[1]!,
    );
    return passed.status === 200 ? { ...passed, status: undefined } : passed;
  },
  multipart: async (asked) => {
    const form = new FormData();
    form.set('operations', JSON.stringify({ query: asked.query, variables: asked.variables }));
    form.set('map', '{}');
    const headers = { 'graphql-require-preflight': '1', accept: ACCEPT };
    return toPassed(await call(asked, { method: 'POST', headers, body: form }));
  },
  sse: async (asked) => {
    const { query, variables } = asked;
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const response = await call(asked, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return toPassed(response);
    const data = /^data: (.*)$/m.exec(await response.text())?.[1] ?? '{}';
    const challenge = response.headers.get('www-authenticate');
    return {
      status: response.status === 200 ? undefined : response.status,
      challenge,
      headers: response.headers,
      body: JSON.parse(data),
    };
  },
  parts: async (asked) => takeParts(asked, CURRENT),
  'parts or one': async (asked) => takeParts(asked, `${CURRENT}, ${ACCEPT}`),
  websocket: async (asked) => {
    const { gateway, client, query, variables, origin } = asked;
    const { origin: _ofUpgrade, ...connectionParams } = headersOf(asked);
    const socket = createClient({
      url: `${gateway.url.replace('http', 'ws')}/${client}/graphql`,
      webSocketImpl: origin === undefined ? WebSocket : fromPage(origin),
      retryAttempts: 0,
      connectionParams,
    });
    try {
      const results = socket.iterate({ query, ...(variables === undefined ? {} : { variables }) });
      const { value } = await results.next();
      return { status: undefined, challenge: null, body: value as GraphQLBody };
    } catch (error) {
      const { code, reason } = error as { code: number; reason: string };
      return {
        status: code,
        challenge: null,
        body: { errors: [{ message: '', extensions: { code: reason.split(':')[0] } }] },
      };
    } finally {
      await socket.dispose();
    }
  },
};

/** Browsers say which page opens a socket. */
function fromPage(origin: string) {
  return class extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol, { origin });
    }
  };
}

/** A caller that chooses its way: which address it comes from, which certificate it shows, and which headers, letter by letter. */
import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Pair } from '../support/authority.ts';
import type { GraphQLBody } from '../support/gateway.ts';

export interface Way {
  /** Of the loopback network: `127.0.0.2`. */
  readonly from?: string;
  /** Whom the server's certificate has to be signed by. */
  readonly ca?: string;
  readonly shows?: Pair | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly method?: 'GET' | 'POST';
}

export interface Answered {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: GraphQLBody;
}

/** One operation by POST of JSON, or by GET. */
export function ask(url: string, query: string, way: Way = {}): Promise<Answered> {
  const { from, headers, method = 'POST', ...tls } = way;
  const target = new URL(method === 'GET' ? `${url}?query=${encodeURIComponent(query)}` : url);
  const request = target.protocol === 'https:' ? secure : plain;
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      {
        method,
        agent: false,
        ...(from === undefined ? {} : { localAddress: from }),
        ...toTls(tls),
        headers: { 'content-type': 'application/json', ...headers },
      } as never,
      async (response: IncomingMessage) => {
        const { statusCode = 0, headers: given } = response;
        const text = (await response.toArray()).join('');
        resolve({ status: statusCode, headers: given, body: text === '' ? {} : JSON.parse(text) });
      },
    );
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : JSON.stringify({ query }));
  });
}

/** A websocket that speaks GraphQL; `closed` says with which code it ended. */
export function openSocket(url: string, way: Way = {}, params?: Record<string, unknown>) {
  const { from, headers, method: _method, ...tls } = way;
  const options = { headers, ...toTls(tls), ...(from === undefined ? {} : { localAddress: from }) };
  const closed = Promise.withResolvers<{ readonly code: number; readonly reason: string }>();
  const client = createClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols?: string[]) {
        super(address, protocols, options as never);
      }
    },
    retryAttempts: 0,
    onNonLazyError: () => {},
    ...(params === undefined ? {} : { connectionParams: params }),
    on: { closed: (event) => closed.resolve(event as { code: number; reason: string }) },
  });
  return { client, closed: closed.promise };
}

function toTls({ ca, shows }: Pick<Way, 'ca' | 'shows'>) {
  return { ...(ca && { ca }), ...(shows && { cert: shows.certificate, key: shows.key }) };
}

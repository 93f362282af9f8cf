/** A gateway whose backend has subscriptions, over graphql-ws. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const SCHEMA = `
type Query { rider(id: ID!): Rider @lookup @graphql }
type Subscription { riderMoved(id: ID!): Rider @graphql  ticks(count: Int!): Int @graphql }
type Rider @key(fields: "id") { id: ID!  name: String }
`;

export const MOVED = 'subscription { riderMoved(id: "1") { name } }';

export interface RidersGateway extends AsyncDisposable {
  readonly backend: RidersBackend;
  readonly gateway: TestGateway;
}

/** @param hem hem.yml */
export async function startRiders({ hem = '{}', client = '{}' } = {}): Promise<RidersGateway> {
  await using started = new AsyncDisposableStack();
  const backend = started.use(await RidersBackend.start());
  const gateway = started.use(
    await startGateway({
      files: {
        'hem.yml': hem,
        'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nspec: riders.graphql`,
        'connectors/riders/riders.graphql': RIDERS_SDL,
        'connectors/riders/schema.graphql': SCHEMA,
        'schemas/web.graphql': SCHEMA.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, ''),
        'clients/web/client.yml': client,
      },
    }),
  );
  const everything = started.move();
  return { backend, gateway, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

/** A socket that speaks graphql-transport-ws by hand. */
export class RawSocket implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly received: Array<{ readonly type: string; readonly id?: string; readonly payload?: unknown }> = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  requestId: string | undefined;

  constructor(
    gateway: Pick<TestGateway, 'url'>,
    protocol: string | string[] = 'graphql-transport-ws',
    {
      headers = {},
      client = 'web',
    }: { readonly headers?: Record<string, string>; readonly client?: string } = {},
  ) {
    this.socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/${client}/graphql`, protocol, {
      headers,
    });
    this.socket.on('message', (data) => this.received.push(JSON.parse(String(data))));
    this.socket.on('upgrade', ({ headers: given }) => {
      this.requestId = given['x-request-id'] as string;
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
    );
  }

  /** An open socket after `connection_ack`. */
  static async open(gateway: TestGateway, headers: Record<string, string> = {}): Promise<RawSocket> {
    const raw = new RawSocket(gateway, undefined, { headers });
    await raw.opened();
    raw.send({ type: 'connection_init' });
    await raw.until(({ type }) => type === 'connection_ack');
    return raw;
  }

  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, more: object = {}): void {
    this.send({ type: 'subscribe', id, payload: { query, ...more } });
  }

  /** The first message that fits, within two seconds. */
  async until(
    fits: (message: RawSocket['received'][number]) => boolean,
  ): Promise<RawSocket['received'][number]> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const found = this.received.find(fits);
      if (found !== undefined) return found;
      await sleep(10);
    }
    throw new Error(`no such message among ${JSON.stringify(this.received).slice(0, 1000)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
  }
}

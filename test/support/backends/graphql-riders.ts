/** A GraphQL backend: Yoga over HTTP and SSE, graphql-ws on the same path. Keeps what it was sent, and misbehaves when asked to. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';

export const RIDERS_SDL = /* GraphQL */ `
  scalar Long
  enum Level { BASIC GOLD }
  interface Named { name: String }
  type Address { city: String! street(upper: Boolean! = false): String }
  type Rider implements Named {
    id: ID!
    name: String!
    level: Level!
    points: Long!
    address: Address
    orders(first: Int! = 10, filter: OrderFilter): [Order!]!
    friend: Rider
    secret: String
    broken: [Int]
  }
  type Company implements Named { name: String, seats: Int, friend: Company }
  type Order { id: ID! total: Float! rider: Rider! }
  union Found = Rider | Company | Order
  input OrderFilter { min: Float, ids: [ID!], nested: OrderFilter }
  input NewRider { name: String!, level: Level = BASIC, tags: [String!] }
  type Viewer { orders(first: Int): [Order!]!, me: Rider }
  type Query {
    rider(id: ID!): Rider
    strictRider(id: ID!): Rider!
    riders(ids: [ID!]!): [Rider]!
    all(first: Int = 3, level: Level): [Rider!]!
    ordersOf(rider: ID!, min: Float): [Order!]!
    search(text: String!): [Found]!
    named: [Named!]!
    viewer: Viewer
    echo(value: String, list: [Int!], filter: OrderFilter): String
  }
  type RidersMutation { rename(id: ID!, name: String!): Rider }
  type Mutation {
    addRider(input: NewRider!): Rider!
    riders: RidersMutation!
    count: Int!
  }
  type Subscription {
    riderMoved(id: ID!): Rider
    ticks(count: Int!): Int
  }
`;

export interface SentRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
}

interface RiderData {
  readonly id: string;
  readonly name: string;
  readonly level: 'BASIC' | 'GOLD';
}

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva'];
const RIDERS: readonly RiderData[] = NAMES.map((name, index) => ({
  id: String(index + 1),
  name,
  level: index % 2 === 0 ? 'BASIC' : 'GOLD',
}));

function riderById(id: string): RiderData | null {
  if (id === 'denied') throw new GraphQLError('not yours', { extensions: { code: 'FORBIDDEN' } });
  if (id === 'broken') throw new GraphQLError('database password is hunter2');
  return RIDERS.find((rider) => rider.id === id) ?? null;
}

function ordersOf(id: string, first = 10) {
  return Array.from({ length: Math.min(first, 3) }, (_, index) => ({
    id: `${id}-${index}`,
    total: index * 10.5,
    rider: RIDERS.find((rider) => rider.id === id),
  }));
}

export class RidersBackend implements AsyncDisposable {
  readonly port: number;
  /** Operations over HTTP. */
  readonly requests: SentRequest[] = [];
  /** Payloads of connection_init, and headers of the handshake. */
  readonly inits: Array<{ readonly payload: unknown; readonly headers: IncomingHttpHeaders }> = [];
  /** Answers every HTTP request by itself, if it returns true. */
  behave: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Closes every new websocket with this code before it is acknowledged. */
  refuseWith: number | undefined;
  /** Does not answer pings. */
  deaf = false;
  subscribers = 0;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #events = createPubSub<{ moved: [id: string, rider: RiderData] }>();
  #count = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    const schema = this.#schema();
    const yoga = createYoga({
      schema,
      maskedErrors: false,
      logging: false,
      landingPage: false,
      plugins: [
        {
          onParams: ({ params, request }) => {
            const headers = Object.fromEntries(request.headers);
            this.requests.push({ query: params.query ?? '', variables: params.variables ?? {}, headers });
          },
        },
      ],
    });
    server.on('request', (request, response) => {
      if (this.behave?.(request, response) !== true) void yoga(request, response);
    });
    this.#sockets = new WebSocketServer({ server, path: '/graphql' });
    useServer(
      {
        schema,
        onConnect: (context) => {
          this.inits.push({ payload: context.connectionParams, headers: context.extra.request.headers });
          if (this.refuseWith !== undefined) context.extra.socket.close(this.refuseWith, 'no');
          return true;
        },
      },
      this.#sockets,
    );
    this.#sockets.on('connection', (socket) => {
      const send = socket.send.bind(socket) as (...all: unknown[]) => void;
      socket.send = ((data: unknown, ...rest: unknown[]) => {
        if (!(this.deaf && String(data).includes('"pong"'))) send(data, ...rest);
      }) as typeof socket.send;
    });
  }

  static async start(port = 0): Promise<RidersBackend> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new RidersBackend(server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/graphql`;
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  /** Tells everybody who follows the rider. */
  move(id: string, name: string): void {
    this.#events.publish('moved', id, { id, name, level: 'BASIC' });
  }

  /** Waits until so many subscriptions run. */
  async untilSubscribers(count: number): Promise<void> {
    const until = performance.now() + 5000;
    while (this.subscribers !== count) {
      if (performance.now() > until) throw new Error(`${this.subscribers} subscribers, not ${count}`);
      await sleep(5);
    }
  }

  /** Cuts all connections without a word, and goes on listening. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
  }

  /** Closes all websockets in an orderly manner. */
  closeSockets(code: number): void {
    for (const socket of this.#sockets.clients) socket.close(code, 'asked to');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const done = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await done;
  }

  #schema() {
    return createSchema({
      typeDefs: RIDERS_SDL,
      resolvers: {
        Query: {
          rider: (_, { id }: { id: string }) => riderById(id),
          strictRider: (_, { id }: { id: string }) => riderById(id),
          riders: (_, { ids }: { ids: string[] }) => ids.map(riderById).reverse(),
          all: (_, { first, level }: { first: number; level?: string }) =>
            RIDERS.filter((rider) => level === undefined || rider.level === level).slice(0, first),
          ordersOf: (_, { rider }: { rider: string }) => ordersOf(rider),
          search: () => [
            RIDERS[0],
            { __typename: 'Company', name: 'Acme', seats: 7 },
            ordersOf('1')[0],
            null,
          ],
          named: () => [RIDERS[1], { __typename: 'Company', name: null, seats: 8 }],
          viewer: () => ({}),
          echo: (_, args: unknown) => JSON.stringify(args),
        },
        Viewer: {
          orders: (_, { first }: { first?: number }) => ordersOf('2', first),
          me: () => RIDERS[1],
        },
        Named: {
          __resolveType: (value: { seats?: number }) => (value.seats === undefined ? 'Rider' : 'Company'),
        },
        Found: {
          __resolveType: (value: { seats?: number; total?: number }) =>
            value.seats !== undefined ? 'Company' : value.total !== undefined ? 'Order' : 'Rider',
        },
        Rider: {
          points: ({ id }: RiderData) => 9007199254740000 + Number(id),
          address: ({ id }: RiderData) => (id === '3' ? null : { city: 'Ghent', street: 'Long lane' }),
          orders: ({ id }: RiderData, { first }: { first: number }) => ordersOf(id, first),
          friend: ({ id }: RiderData) => RIDERS[Number(id)] ?? null,
          secret: () => {
            throw new GraphQLError('secret of the vault', { extensions: { code: 'UNAUTHENTICATED' } });
          },
          broken: () => [1, new GraphQLError('two is broken'), 3],
        },
        Address: {
          street: ({ street }: { street: string }, { upper }: { upper: boolean }) =>
            upper ? street.toUpperCase() : street,
        },
        Mutation: {
          addRider: (_, { input }: { input: { name: string; level: 'BASIC' } }) => ({ id: '9', ...input }),
          riders: () => ({}),
          count: () => ++this.#count,
        },
        RidersMutation: {
          rename: (_, { id, name }: { id: string; name: string }) => ({ ...riderById(id), name }),
        },
        Subscription: {
          riderMoved: {
            subscribe: (_, { id }: { id: string }) => {
              if (id === 'refused')
                throw new GraphQLError('no such feed', { extensions: { code: 'BAD_USER_INPUT' } });
              return this.#counted(this.#events.subscribe('moved', id));
            },
            resolve: (rider: RiderData) => {
              if (rider.name === 'error') throw new GraphQLError('lost it');
              return rider;
            },
          },
          ticks: {
            subscribe: async function* (_: unknown, { count }: { count: number }) {
              for (let tick = 1; tick <= count; tick++) yield tick;
            },
            resolve: (tick: number) => tick,
          },
        },
      },
    });
  }

  #counted<T>(events: AsyncIterable<T>): AsyncIterableIterator<T> {
    const iterator = events[Symbol.asyncIterator]();
    this.subscribers++;
    let isOver = false;
    return {
      next: () => iterator.next(),
      return: async () => {
        if (!isOver) this.subscribers--;
        isOver = true;
        await iterator.return?.();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

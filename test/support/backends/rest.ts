/** An HTTP backend that answers what a test says and keeps what it was sent. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { startGateway, type TestGateway } from '../gateway.ts';

export interface SentRequest {
  readonly method: string;
  /** Path and query as they stood in the request. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Which connection it came on. */
  readonly connection: number;
}

export interface GivenAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
}

/** Undefined when the response was dealt with otherwise, or never will be. */
export type Answer = (
  request: SentRequest,
  response: ServerResponse,
) => GivenAnswer | undefined | Promise<GivenAnswer | undefined>;

export class RestBackend implements AsyncDisposable {
  readonly seen: SentRequest[] = [];
  answer: Answer;
  readonly #server: Server;
  #connections = 0;

  private constructor(server: Server, answer: Answer) {
    this.#server = server;
    this.answer = answer;
    const numbers = new WeakMap<Socket, number>();
    server.on('connection', (socket: Socket) => {
      numbers.set(socket, this.#connections++);
      socket.on('error', () => {});
    });
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const sent: SentRequest = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
        connection: numbers.get(request.socket) ?? -1,
      };
      this.seen.push(sent);
      const given = await this.answer(sent, response);
      if (given === undefined) return;
      const { status = 200, headers, body } = given;
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
      response.writeHead(status, { ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers });
      response.end(body === undefined ? undefined : isRaw ? body : JSON.stringify(body));
    });
  }

  static async start(answer: Answer = () => ({ body: {} })): Promise<RestBackend> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RestBackend(server, answer);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get last(): SentRequest {
    return this.seen.at(-1)!;
  }

  /** Connections opened so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Ends every connection that is idle. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export interface RestGatewayOptions {
  /** `endpoint`, unless it is the backend's address. */
  readonly endpoint?: string;
  /** Further lines of connector.yml. */
  readonly settings?: string;
  /** The connector's schema.graphql. */
  readonly schema: string;
  /** Without the directives that a view does not know; by default the schema without any. */
  readonly view?: string;
  readonly hem?: string;
  readonly client?: string;
  /** Files below the connector's folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The connector is "shop", the client "web". */
export function startRestGateway(
  backend: Pick<RestBackend, 'url'>,
  {
    endpoint = backend.url,
    settings = '',
    schema,
    view,
    hem = '{}',
    client = '{}',
    files = {},
  }: RestGatewayOptions,
): Promise<TestGateway> {
  const vendored = Object.entries(files).map(([name, text]) => [`connectors/shop/${name}`, text]);
  return startGateway({
    files: {
      'hem.yml': hem,
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${JSON.stringify(endpoint)}\n${settings}`,
      'connectors/shop/schema.graphql': schema,
      ...Object.fromEntries(vendored),
      'schemas/web.graphql': view ?? plain(schema),
      'clients/web/client.yml': client,
    },
  });
}

/** SDL without directives, and without arguments that a claim fills: what a view repeats of a connector's schema. */
function plain(schema: string): string {
  return schema
    .replace(/\(\w+: [\w![\]]+ @is\(claim: "[^"]*"\)\)/g, '')
    .replace(/@\w+(?:\((?:[^()"]|"""[\s\S]*?"""|"(?:[^"\\]|\\.)*")*\))?/g, '');
}

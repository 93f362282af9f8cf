/** A gateway on real files, called as a client would call it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createClient } from 'graphql-ws';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { type Gateway, startGateway as start } from '../../src/gateway.ts';

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly gateway: Gateway;
  /** The temporary configuration directory. */
  readonly directory: string;
  /** POST of JSON to a client's endpoint. */
  query(
    client: string,
    query: string,
    options?: QueryOptions,
  ): Promise<{ status: number; body: GraphQLBody; headers: Headers }>;
  /** A subscription over graphql-ws; ends with the subscription. */
  subscribe(
    client: string,
    query: string,
    options?: Pick<QueryOptions, 'variables'>,
  ): AsyncIterableIterator<GraphQLBody>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** What every call says. */
  readonly headers: Readonly<Record<string, string>>;
  /** The same gateway, called with these headers. */
  as(headers: Readonly<Record<string, string>>): TestGateway;
}

export interface QueryOptions {
  readonly variables?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly operationName?: string;
}

export interface GraphQLBody {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly data?: any;
  readonly errors?: ReadonlyArray<{
    message: string;
    path?: Array<string | number>;
    extensions: Record<string, unknown>;
  }>;
  readonly extensions?: Record<string, unknown>;
}

export interface GatewayFiles {
  /** By path within the configuration directory. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes the files into a temporary directory and starts a gateway on it, on free ports. @throws {ConfigurationError} */
export async function startGateway({ files, env = {} }: GatewayFiles): Promise<TestGateway> {
  const directory = await writeConfiguration(files);
  try {
    return await startGatewayIn(directory, env, () => rm(directory, { recursive: true, force: true }));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** A gateway on an existing directory. */
export async function startGatewayIn(
  directory: string,
  env: Readonly<Record<string, string>> = {},
  cleanUp: () => Promise<void> = async () => {},
): Promise<TestGateway> {
  const gateway = await start({
    directory,
    environment: env,
    port: 0,
    adminPort: 0,
    log: pino({ level: process.env.HEM_TEST_LOG ?? 'silent' }),
  });
  return callers(gateway, directory, cleanUp);
}

function callers(
  gateway: Gateway,
  directory: string,
  cleanUp: () => Promise<void>,
  own: Readonly<Record<string, string>> = {},
): TestGateway {
  const call = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(own);
    new Headers(init.headers).forEach((value, name) => {
      headers.set(name, value);
    });
    return fetch(gateway.url + path, { ...init, headers });
  };
  return {
    headers: own,
    as: (headers) => callers(gateway, directory, cleanUp, { ...own, ...headers }),
    url: gateway.url,
    adminUrl: gateway.adminUrl,
    gateway,
    directory,
    fetch: call,
    async query(client, query, { variables, headers = {}, operationName } = {}) {
      const response = await call(`/${client}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables, operationName }),
      });
      return {
        status: response.status,
        body: (await response.json()) as GraphQLBody,
        headers: response.headers,
      };
    },
    subscribe(client, query, { variables } = {}) {
      const socket = createClient({
        url: `${gateway.url.replace('http', 'ws')}/${client}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: { headers: own },
      });
      return socket.iterate<GraphQLBody['data']>({ query, variables }) as AsyncIterableIterator<GraphQLBody>;
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await cleanUp();
    },
  };
}

/** A temporary configuration directory; the caller removes it. */
export async function writeConfiguration(files: GatewayFiles['files']): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hem-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

/** A gateway as a process of its own, started as users start it. */
import { join } from 'node:path';
import { RunningCommand, runCommand } from '../support/command.ts';
import type { GraphQLBody } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';

const HEM = join(ROOT, 'src/hem.sh');
const START_MS = 30_000;

export interface Call {
  readonly client?: string;
  readonly key?: string;
  readonly token?: string;
  readonly query?: string;
}

export interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly body: GraphQLBody;
  readonly headers: Headers;
}

export class GatewayProcess implements AsyncDisposable {
  readonly directory: string;
  readonly #command: RunningCommand;
  readonly url: string;
  readonly adminUrl: string;

  private constructor(directory: string, command: RunningCommand) {
    this.directory = directory;
    this.#command = command;
    this.url = addressIn(command.output, /^web +(http:\/\/[^/]+)/m);
    this.adminUrl = addressIn(command.output, /^admin +(http:\S+)$/m);
  }

  /** On free ports; it serves when this resolves. */
  static async start(directory: string): Promise<GatewayProcess> {
    const command = new RunningCommand(
      [HEM, 'start', '--config', directory, '--port', '0', '--admin-port', '0'],
      { deadlineMs: 300_000 },
    );
    await command.until((output) => /^admin /m.test(output), START_MS);
    return new GatewayProcess(directory, command);
  }

  async call({ client = 'web', key, token, query = '{ item(id: "1") { name } }' }: Call): Promise<Answer> {
    const response = await fetch(`${this.url}/${client}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...credentials({ key, token }) },
      body: JSON.stringify({ query }),
    });
    const body = (await response.json()) as GraphQLBody;
    const code = body.errors?.[0]?.extensions.code;
    return { status: response.status, code, body, headers: response.headers };
  }

  /** Reads the schema, which draws on no limit. */
  async schemaStatus(key: string, client = 'web'): Promise<number> {
    const response = await fetch(`${this.url}/${client}/schema.graphql`, { headers: { 'x-api-key': key } });
    await response.arrayBuffer();
    return response.status;
  }

  /** Of the admin listener. */
  async api(token: string, [method, path]: readonly [method: string, path: string], body?: object) {
    const response = await fetch(`${this.adminUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: method === 'POST' ? JSON.stringify(body ?? {}) : null,
    });
    return { status: response.status, body: await response.json() };
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const code = await this.#command.end(signal, 20_000);
    if (signal === 'SIGTERM' && code !== 0)
      throw new Error(`It ended with ${code}:\n${this.#command.output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#command[Symbol.dispose]();
    await this.#command.closed;
  }
}

export function credentials({ key, token }: Pick<Call, 'key' | 'token'>): Record<string, string> {
  return {
    ...(key === undefined ? {} : { 'x-api-key': key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** A command of `hem`, as users type it. */
export function hem(directory: string, ...args: readonly string[]) {
  return runCommand([HEM, ...args, '--config', directory]);
}

function addressIn(output: string, pattern: RegExp): string {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`no ${pattern} in:\n${output}`);
  return found;
}

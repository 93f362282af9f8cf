/** The command line as people and machines use it: processes of their own, exit codes, what is printed where. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RunningCommand, runCommand } from '../support/command.ts';
import { type GatewayFiles, writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';

const GOLDEN = join(ROOT, 'test/golden');
const env = { PATH: process.env.PATH };

function hem(...args: readonly string[]) {
  return runCommand([process.execPath, 'src/main.ts', ...args], { env, deadlineMs: 30_000 });
}

/** A backend that answers when told to. */
const backend = createServer((request, response) => {
  waiting.push(() => response.end('{"id":"1","name":"late"}'));
  if (request.url !== '/things/slow') waiting.pop()!();
});
const waiting: Array<() => void> = [];
let directory: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  directory = await writeConfiguration(configuration((backend.address() as AddressInfo).port));
});
vi.setConfig({ testTimeout: 60_000 });

afterAll(async () => {
  backend.closeAllConnections();
  backend.close();
  await rm(directory, { recursive: true, force: true });
});

function configuration(port: number): GatewayFiles['files'] {
  return {
    'hem.yml': 'log: { level: silent }\n',
    'connectors/things/connector.yml': `kind: rest\nendpoint: http://127.0.0.1:${port}\n`,
    'connectors/things/schema.graphql':
      'type Query { thing(id: ID!): Thing @lookup @rest(get: "/things/{id}") }\ntype Thing @key(fields: "id") { id: ID! name: String }\n',
    'schemas/web.graphql': 'type Query { thing(id: ID!): Thing }\ntype Thing { id: ID! name: String }\n',
    'clients/web/client.yml': '{}\n',
  };
}

describe('what is asked for', () => {
  test('help and nothing else: 0', async () => {
    const { code, output } = await hem('--help');
    expect(code).toBe(0);
    for (const command of ['start', 'demo', 'check', 'json-schema']) expect(output).toContain(command);
  });

  test('a command that there is not: 2, with a suggestion', async () => {
    const { code, output } = await hem('chekc');
    expect([code, output]).toEqual([2, expect.stringContaining('Did you mean check?')]);
  });

  test('an option that there is not, and values that none can have: 2', async () => {
    const wrong = [
      ['check', '--cofnig', '.'],
      ['check', '--format', 'xml'],
      ['start', '--port', '70000'],
      ['start', '--port', 'x'],
      ['json-schema', 'nothing.yml'],
      ['json-schema'],
    ];
    const results = await Promise.all(wrong.map((args) => hem(...args)));
    expect(results.map(({ code }) => code)).toEqual(wrong.map(() => 2));
    expect(results.filter(({ output }) => output === '')).toEqual([]);
  });
});

describe('check', () => {
  test('no problems: 0, and counts', async () => {
    expect(await hem('check', '--config', directory)).toEqual({
      code: 0,
      output: '1 connector, 1 client, 3 fields: no problems\n',
    });
  });

  test('as JSON, for machines', async () => {
    expect(await hem('check', '--config', directory, '--format', 'json')).toEqual({
      code: 0,
      output: '{\n  "problems": []\n}\n',
    });
    const { code, output } = await hem('check', '--config', join(GOLDEN, 'keys'), '--format', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(output).problems[0]).toEqual({
      rule: 'key-unknown-field',
      at: { file: 'connectors/things/schema.graphql', line: 7, column: 17 },
      message: 'Thing has no field "idd" to be a key.',
      expected: 'id, name, tags, maker',
      hint: 'did you mean "id"?',
    });
  });

  test('a directory that there is not: 2, missing-directory', async () => {
    const { code, output } = await hem('check', '--config', join(directory, 'nowhere'));
    expect([code, output]).toEqual([2, expect.stringContaining('missing-directory')]);
    expect(output).toContain('1 problem in 1 file');
  });

  test('colours on a terminal only', async () => {
    const plain = await hem('check', '--config', join(GOLDEN, 'keys'));
    expect(plain.output).not.toContain('\x1b');
    const terminal = await runCommand(
      [
        'script',
        '-qec',
        `${process.execPath} src/main.ts check --config ${join(GOLDEN, 'keys')}`,
        '/dev/null',
      ],
      { env: { ...env, TERM: 'xterm-256color' }, deadlineMs: 30_000 },
    );
    expect(terminal.output).toContain('\x1b[31mkey-unknown-field');
  });

  test('files that a link leads out to are not read', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'hem-outside-'));
    const inside = await writeConfiguration({
      ...configuration(1),
      'connectors/things/connector.yml':
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
        'kind: rest\nendpoint: http://127.0.0.1:1\nspec: link.yaml\nauth: { bearer: { token: "${file:secret}" } }\n',
    });
    try {
      await writeFile(
        join(outside, 'openapi.yaml'),
        'openapi: 3.1.0\npaths: { /things/{id}: { get: {} } }\n',
      );
      await symlink(join(outside, 'openapi.yaml'), join(inside, 'connectors/things/link.yaml'));
      await symlink('/etc/passwd', join(inside, 'secret'));
      const { code, output } = await hem('check', '--config', inside);
      expect(code).toBe(2);
      expect(output).toContain('"link.yaml" leads out of the configuration');
      expect(output).toContain('"secret" leads out of the configuration');
      expect(output).not.toContain('root:');
    } finally {
      await rm(outside, { recursive: true });
      await rm(inside, { recursive: true });
    }
  });
});

test.runIf(process.platform === 'linux')(
  'output that cannot be written: 2, and a file of secrets that has no end is not read to it',
  async () => {
    const { code, output } = await runCommand(
      [
        'sh',
        '-c',
        `"${process.execPath}" src/main.ts check --config "${directory}" --format json > /dev/full`,
      ],
      { env },
    );
    expect({ code, output }).toEqual({
      code: 2,
      output: expect.stringContaining('Standard output cannot be written'),
    });
    const endless = await writeConfiguration({
      ...configuration(1),
      'connectors/things/connector.yml':
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
        'kind: rest\nendpoint: http://127.0.0.1:1\nauth: { bearer: { token: "${file:/dev/zero}" } }\n',
    });
    const checked = await hem('check', '--config', endless);
    expect(checked).toMatchObject({ code: 2, output: expect.stringContaining('/dev/zero is larger than') });
    await rm(endless, { recursive: true });
  },
);

describe('explain', () => {
  test('which engine executes an operation, as one answer and in parts', async () => {
    const { code, output } = await hem('explain', 'web', 'StationPage');
    expect(code).toBe(0);
    expect(output).toMatch(/^web · StationPage, a query$/m);
    expect(output).toContain('For callers who take an answer in parts');
    expect(output).toMatch(/it runs on the reference engine: a plan gives one answer/);
    const json = await hem('explain', 'web', 'station-page', '--format', 'json');
    expect(JSON.parse(json.output)).toMatchObject({
      engine: 'compiled',
      inParts: { engine: 'reference', reason: expect.any(String), deferred: 1 },
    });
  });

  test('nothing of parts where nothing is deferred', async () => {
    const { output } = await hem('explain', 'web', 'RiderPage');
    expect(output).not.toContain('in parts');
    expect(
      JSON.parse((await hem('explain', 'web', 'RiderPage', '--format', 'json')).output),
    ).not.toHaveProperty('inParts');
  });
});

describe('start', () => {
  test('a broken configuration: 2, every problem, and nothing listens', async () => {
    const port = await freePort();
    const { code, output } = await hem(
      ...['start', '--config', join(GOLDEN, 'a-dozen-mistakes'), '--port', String(port), '--admin-port', '0'],
    );
    expect(code).toBe(2);
    expect(output).toMatch(/\d+ problems in \d+ files\n$/);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('a port in use: 2, and what to do', async () => {
    const { port } = backend.address() as AddressInfo;
    const { code, output } = await hem(
      ...['start', '--config', directory, '--port', String(port), '--admin-port', '0'],
    );
    expect([code, output]).toEqual([
      2,
      expect.stringContaining(`port ${port} of 127.0.0.1 is in use, perhaps by a gateway that still runs`),
    ]);
  });

  test('SIGTERM: what is in flight is answered, nothing new is taken, 0', async () => {
    using running = await started();
    const url = urlOf(running);
    const answer = ask(url, 'slow');
    while (waiting.length === 0) await sleep(10);
    const ended = running.end('SIGTERM', 10_000);
    await sleep(200);
    await expect(fetch(`${url}/web/graphql`)).rejects.toThrow();
    waiting.shift()!();
    expect(await (await answer).json()).toEqual({ data: { thing: { name: 'late' } } });
    expect(await ended).toBe(0);
  });

  test('a second signal ends it at once', async () => {
    using running = await started();
    const answer = ask(urlOf(running), 'slow').catch(() => 'cut off');
    while (waiting.length === 0) await sleep(10);
    running.process.kill('SIGTERM');
    await sleep(100);
    const before = performance.now();
    expect(await running.end('SIGTERM', 5000)).toBe(1);
    expect(performance.now() - before).toBeLessThan(2000);
    expect(await answer).toBe('cut off');
    waiting.shift();
  });
});

async function started(): Promise<RunningCommand> {
  const running = new RunningCommand(
    [process.execPath, 'src/main.ts', 'start', '--config', directory, '--port', '0', '--admin-port', '0'],
    { env },
  );
  await running.until((output) => /^admin +http/m.test(output), 15_000);
  return running;
}

function urlOf({ output }: RunningCommand): string {
  return /^web +(http:\/\/[^/]+)/m.exec(output)![1]!;
}

function ask(url: string, id: string): Promise<Response> {
  return fetch(`${url}/web/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: `{ thing(id: "${id}") { name } }` }),
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

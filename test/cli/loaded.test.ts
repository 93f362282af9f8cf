/** What a process loads is what its configuration uses, and what somebody has asked for so far: seen in a real process. */
import { rm } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunningCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const START_MS = 30_000;
const PRELOAD = new URL('../support/print-loaded.ts', import.meta.url).href;

let backend: JsonBackend;
let directory: string;
let hem: RunningCommand;

beforeAll(async () => {
  backend = await startJsonBackend(() => ({ id: 'a' }));
  directory = await writeConfiguration({
    'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
    'connectors/things/schema.graphql':
      'type Query { thing: Thing @rest(get: "/thing") }\ntype Thing { id: ID! }',
    'schemas/web.graphql': 'type Query { thing: Thing }\ntype Thing { id: ID! }',
    'clients/web/client.yml': 'graphiql: true',
  });
  const args = ['src/main.ts', 'start', '--config', directory, '--port', '0', '--admin-port', '0'];
  hem = new RunningCommand([process.execPath, ...args], {
    env: { ...process.env, NODE_OPTIONS: `--import=${PRELOAD}` },
  });
  await hem.until((output) => /^admin +http/m.test(output), START_MS);
});
afterAll(async () => {
  await hem?.end('SIGTERM', START_MS);
  await backend?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Packages and kinds that have been loaded so far, by their first names. */
function loaded(): ReadonlySet<string> {
  const urls = [...hem.output.matchAll(/^loaded (\S+)$/gm)].map(([, url = '']) => url);
  const root = pathToFileURL(`${ROOT}/`).href;
  return new Set(
    urls.flatMap((url) => {
      const path = url.startsWith(root) ? url.slice(root.length) : url;
      return (
        /^(?:node_modules\/((?:@[^/]+\/)?[^/]+)|src\/(connectors\/[^/]+)\/)/.exec(path)?.slice(1, 3) ?? []
      );
    }),
  );
}

function address(client: string): string {
  return new RegExp(`^${client} +(http:\\S+)$`, 'm').exec(hem.output)![1]!;
}

const ask = (init: RequestInit, search = '') => fetch(address('web') + search, init);

test('a configuration of REST loads nothing of other kinds', async () => {
  const answer = await ask({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ thing { id } }' }),
  });
  expect(await answer.json()).toEqual({ data: { thing: { id: 'a' } } });
  const names = [...loaded()];
  expect(names).toContain('connectors/rest');
  expect(names).toContain('undici');
  expect(names.filter((name) => name?.startsWith('connectors/'))).toEqual(['connectors/rest']);
  const others = ['@grpc/grpc-js', 'protobufjs', 'amqplib', 'soap', '@graphql-tools/stitch', 'graphql-yoga'];
  expect(names.filter((name) => others.includes(name!) || name?.includes('graphiql'))).toEqual([]);
});

test('Yoga comes with the first request that needs it, the page when a browser asks', async () => {
  const thing = { data: { thing: { id: 'a' } } };
  expect(await (await ask({}, '?query={thing{id}}')).json()).toEqual(thing);
  expect(loaded()).not.toContain('graphql-yoga');
  const headers = { 'content-type': 'application/graphql' };
  const answer = await ask({ method: 'POST', headers, body: '{ thing { id } }' });
  expect(await answer.json()).toEqual(thing);
  expect(loaded()).toContain('graphql-yoga');
  expect(loaded()).not.toContain('@graphql-yoga/render-graphiql');
  const page = await ask({ headers: { accept: 'text/html' } });
  expect(await page.text()).toContain('<html');
  expect(loaded()).toContain('@graphql-yoga/render-graphiql');
});

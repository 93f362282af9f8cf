/** The line of a request whose key is not let in names the key, by the part of it that is no secret. */
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { RunningCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

test('a refused key is named in the log, and what is no key is not', { timeout: 40_000 }, async () => {
  const directory = await writeConfiguration({
    'hem.yml': 'listen: { port: 0 }\nadmin: { port: 0 }\nlog: { requests: true }',
    'connectors/things/connector.yml': 'kind: rest\nendpoint: http://things.test',
    'connectors/things/schema.graphql': 'type Query { thing: String @rest(get: "/thing") }',
    'schemas/web.graphql': 'type Query { thing: String }',
    'clients/web/client.yml': 'auth: { keys: { required: true } }',
    'clients/plans.yml': 'plans: { free: { clients: [web] } }',
  });
  using hem = new RunningCommand([process.execPath, 'src/main.ts', 'start', '--config', directory], {
    env: { PATH: process.env.PATH },
  });
  try {
    await hem.until((output) => /^admin +http/m.test(output), 20_000);
    const url = /^web +(\S+)/m.exec(hem.output)![1]!;
    const { id, text } = makeKey('live');
    const ask = (headers: Record<string, string>) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"query":"{ thing }"}',
      });
    expect((await ask({ 'x-api-key': text, 'x-request-id': 'by-header' })).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${text}`, 'x-request-id': 'as-bearer' })).status).toBe(401);
    expect((await ask({ 'x-api-key': 'nonsense', 'x-request-id': 'nonsense' })).status).toBe(401);
    await hem.until((output) => output.includes('"nonsense"'), 5000);
    const lineOf = (requestId: string) =>
      JSON.parse(hem.output.split('\n').find((line) => line.includes(`"requestId":"${requestId}"`))!);
    expect(lineOf('by-header')).toMatchObject({ status: 401, codes: ['UNAUTHENTICATED'], refusedKey: id });
    expect(lineOf('as-bearer')).toMatchObject({ refusedKey: id });
    expect(lineOf('nonsense')).not.toHaveProperty('refusedKey');
    expect(hem.output).not.toContain(text);
    await hem.end('SIGTERM', 20_000);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

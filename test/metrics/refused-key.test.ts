/** The line of a request whose key is not let in names the key, by the part of it that is no secret. */
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { RawSocket } from '../doors/riders.ts';
import { RunningCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { Scraped } from './library.ts';

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
    const connect = async (headers: Record<string, string>, payload?: object) => {
      const socket = new RawSocket({ url: new URL(url).origin }, undefined, { headers });
      await socket.opened();
      socket.send({ type: 'connection_init', payload });
      return socket.closed;
    };
    expect(await connect({ 'x-request-id': 'by-init' }, { 'x-api-key': text })).toEqual({
      code: 4403,
      reason: 'UNAUTHENTICATED: There is no such key: its name or its secret is wrong.',
    });
    await connect({ 'x-request-id': 'by-upgrade', 'x-api-key': text });
    await connect({ 'x-request-id': 'init-headers' }, { headers: { Authorization: `Bearer ${text}` } });
    await expect(connect({ 'x-request-id': 'elsewhere', origin: 'https://evil.test' })).rejects.toThrow(
      '403',
    );
    await hem.until((output) => output.includes('"elsewhere"'), 5000);
    const lineOf = (requestId: string) =>
      JSON.parse(hem.output.split('\n').find((line) => line.includes(`"requestId":"${requestId}"`))!);
    expect(lineOf('by-header')).toMatchObject({ status: 401, codes: ['UNAUTHENTICATED'], refusedKey: id });
    expect(lineOf('as-bearer')).toMatchObject({ refusedKey: id });
    expect(lineOf('nonsense')).not.toHaveProperty('refusedKey');
    for (const requestId of ['by-init', 'by-upgrade', 'init-headers'])
      expect(lineOf(requestId)).toMatchObject({
        door: 'websocket',
        client: 'web',
        codes: ['UNAUTHENTICATED'],
        refusedKey: id,
        remote: '127.0.0.1',
      });
    expect(lineOf('elsewhere')).toMatchObject({ door: 'websocket', client: 'web', status: 403 });
    const admin = /^admin +(\S+)/m.exec(hem.output)![1]!;
    const scraped = new Scraped(await (await fetch(new URL('/metrics', admin))).text());
    expect(scraped.all('hem_errors_total')).toEqual({
      'client="web",coordinate="-",code="UNAUTHENTICATED"': 6,
    });
    expect(scraped.all('hem_http_responses_total')).toEqual({
      'client="web",status="401"': 3,
      'client="web",status="101"': 3,
      'client="web",status="403"': 1,
    });
    expect(hem.output).not.toContain(text);
    await hem.end('SIGTERM', 20_000);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

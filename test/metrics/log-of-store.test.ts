/** The log of a process whose Redis fails: errors of commands carry what was to be kept, and that may be other people's answers, or a password. */
import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { RunningCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';
import { PrivateRedis } from '../support/private-redis.ts';

const PASSWORD = 'planted-password-of-redis';

test('holds nothing of it', { timeout: 60_000 }, async () => {
  await using backend = await startJsonBackend(() => 'planted answer of somebody');
  await using server = await PrivateRedis.start();
  const redis = new Redis(server.url);
  await redis.config('SET', 'requirepass', PASSWORD);
  const directory = await writeConfiguration({
    'hem.yml': JSON.stringify({
      listen: { port: 0 },
      admin: { port: 0 },
      log: { level: 'debug', requests: false },
      store: { kind: 'redis', url: server.url, password: PASSWORD },
    }),
    'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
    'connectors/shop/schema.graphql': 'type Query { a: String @rest(get: "/a") @cacheControl(maxAge: 60) }',
    'clients/web/client.yml': JSON.stringify({
      cache: { responses: {} },
      quotas: [{ name: 'some', limit: 1000, per: 'month', by: 'ip' }],
    }),
    'schemas/web.graphql': 'type Query { a: String }',
  });
  try {
    using hem = new RunningCommand([process.execPath, 'src/main.ts', 'start', '--config', directory], {
      env: { PATH: process.env.PATH },
    });
    await hem.until((output) => /^admin +http/m.test(output), 20_000);
    const url = /^web +(\S+)/m.exec(hem.output)![1]!;
    let count = 0;
    const untilTold = (text: string) =>
      hem.until(async (output) => {
        const response = await fetch(`${url}?query=query q${++count} { a }`);
        expect(await response.json()).toEqual({ data: { a: 'planted answer of somebody' } });
        return output.includes(text);
      }, 15_000);
    await redis.config('SET', 'maxmemory', '1');
    await untilTold('shared answers cannot be had');
    await redis.config('SET', 'maxmemory', '0', 'requirepass', 'planted-other-password');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await untilTold('WRONGPASS');
    expect(await hem.end('SIGTERM', 20_000)).toBe(0);
    expect(hem.output).not.toContain('planted');
  } finally {
    redis.disconnect();
    await rm(directory, { recursive: true, force: true });
  }
});

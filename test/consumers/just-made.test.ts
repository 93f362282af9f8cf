/** A key counts from when it is shown: whoever makes one in a script uses it at once. */
import { expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { KeyMaker, withWrongSecret } from '../auth/key-maker.ts';
import { runCommand } from '../support/command.ts';
import { startGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const FILES = (backend: JsonBackend) => ({
  'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
  'connectors/things/schema.graphql': 'type Query { thing: String @rest(get: "/thing") }',
  'schemas/web.graphql': 'type Query { thing: String }',
  'clients/web/client.yml': 'auth: { anonymous: false, keys: {} }',
  'clients/plans.yml': 'plans: { trial: { clients: [web] } }',
});

test('a key that another process has just made', { timeout: 30_000 }, async () => {
  await using backend = await startJsonBackend(() => 'a thing');
  await using gateway = await startGateway({ files: FILES(backend) });
  for (let made = 0; made < 3; made++) {
    const { output } = await runCommand([
      ...[process.execPath, 'src/main.ts', 'keys', 'create', '--consumer', 'acme', '--plan', 'trial'],
      ...['--config', gateway.directory, '--format', 'json'],
    ] as [string, ...string[]]);
    const { key } = JSON.parse(/^\{.*\}$/m.exec(output)![0]) as { key: string };
    const { status, body } = await gateway.query('web', '{ thing }', { headers: { 'x-api-key': key } });
    expect({ status, body }).toEqual({ status: 200, body: { data: { thing: 'a thing' } } });
  }
});

test('a flood of keys that there are not asks the store a few times, and each is refused', async () => {
  await using backend = await startJsonBackend(() => 'a thing');
  await using gateway = await startGateway({ files: FILES(backend) });
  const startedAt = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const headers = { 'x-api-key': makeKey('live').text };
      return (await gateway.query('web', '{ thing }', { headers })).status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([401]));
  // Together, not one after the other: that would take 50 ms each.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

test('a wrong secret takes as long as a wrong name; what is known, or cannot be a key, is not asked for', async () => {
  await using backend = await startJsonBackend(() => 'a thing');
  await using gateway = await startGateway({ files: FILES(backend) });
  const keys = new KeyMaker(gateway);
  const [good, revoked] = [await keys.make('trial'), await keys.make('trial')];
  await keys.revoke(revoked);
  const { table } = gateway.gateway.registry!;
  for (const text of [makeKey('live').text, withWrongSecret(good), withWrongSecret(revoked)])
    expect(table.catchUp(text)).toBeInstanceOf(Promise);
  for (const text of [good.text, revoked.text, `${good.text}x`, 'hem_', '__proto__'])
    expect(table.catchUp(text)).toBeUndefined();
});

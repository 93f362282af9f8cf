/** Keys of a running gateway: made and revoked beside it, kept through restarts, known while the store is gone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { newPrefix } from '../store/stores.ts';
import { startGateway, startGatewayIn, writeConfiguration } from '../support/gateway.ts';
import { freePort } from '../support/services/daemon.ts';
import { redis } from '../support/services/redis.ts';
import { FILES, hem, hemJson } from './configuration.ts';

const soon = { timeout: 8000, interval: 5 };
const create = ['keys', 'create', '--consumer', 'acme', '--plan', 'partner'] as const;

test('a start that fails on its port makes no version of a plan', { timeout: 60_000 }, async () => {
  const directory = await writeConfiguration(FILES);
  onTestFinished(() => rm(directory, { recursive: true }));
  const taken = createServer();
  onTestFinished(() => void taken.close());
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  const { code } = await hem(directory, 'start', '--port', String(port), '--admin-port', '0');
  expect(code).toBe(2);
  expect(await hemJson(directory, 'plans', 'list')).toMatchObject({ plans: [], pending: [{}, {}] });
});

describe('beside a running gateway', { timeout: 60_000 }, () => {
  test('the command line makes keys, and what it revokes counts nowhere within a second', async () => {
    await using started = await startGateway({ files: FILES });
    const { table } = started.gateway.registry!;
    const delays: number[] = [];
    for (let round = 0; round < 2; round++) {
      const { id, key } = await hemJson(started.directory, ...create);
      await expect.poll(() => table.find(key)?.id, soon).toBe(id);
      expect(table.find(key)).toMatchObject({ consumer: 'acme', plan: 'partner', planVersion: 1 });
      let endedAt = 0;
      table.onEnd(table.find(key)!, () => {
        endedAt = performance.now();
      });
      expect((await hem(started.directory, 'keys', 'revoke', id)).code).toBe(0);
      const revokedAt = performance.now();
      await expect.poll(() => table.find(key), soon).toBeUndefined();
      expect([table.whyNot(key), endedAt > 0]).toEqual(['revoked', true]);
      delays.push(endedAt - revokedAt);
    }
    // The machine may be busy with something else once, but not each time.
    expect(Math.min(...delays)).toBeLessThan(1000);
  });

  test('rotated keys overlap, and end by themselves', async () => {
    await using started = await startGateway({ files: FILES });
    const { table } = started.gateway.registry!;
    const { id, key } = await hemJson(started.directory, ...create, '--client', 'web', '--expires', '90d');
    const next = await hemJson(started.directory, 'keys', 'rotate', id, '--overlap', '3s');
    await expect.poll(() => table.find(next.key)?.clients, soon).toEqual(['web']);
    const { expiresAt } = table.find(key) ?? { expiresAt: 0 };
    await expect.poll(() => table.find(key), soon).toBeUndefined();
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect([table.whyNot(key), table.find(next.key)?.id]).toEqual(['rotated', next.id]);
  });

  test('what was made is there after a restart', async () => {
    await using first = await startGateway({ files: FILES });
    const { key } = await hemJson(first.directory, ...create);
    await first.gateway.stop();
    await using second = await startGatewayIn(first.directory);
    expect(second.gateway.registry!.table.find(key)?.consumer).toBe('acme');
  });
});

test('a second gateway on one embedded file refuses to start, until the first has ended', async () => {
  await using first = await startGateway({ files: FILES });
  await expect(startGatewayIn(first.directory)).rejects.toThrow(
    expect.objectContaining({ publicText: expect.stringContaining('another gateway runs on the store') }),
  );
  // By whatever name.
  const named = await writeConfiguration({
    ...FILES,
    'hem.yml': 'store: { kind: embedded, file: link.sqlite }',
  });
  await symlink(join(first.directory, '.hem/store.sqlite'), join(named, 'link.sqlite'));
  await expect(startGatewayIn(named)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect((await hemJson(first.directory, 'keys', 'list')).keys).toEqual([]);
  await first.gateway.stop();
  const script = `
    import { lockForGateway } from './src/store/embedded/gateway-lock.ts';
    globalThis.held = lockForGateway(process.argv[1]);
    setInterval(() => console.log('held'), 100);`;
  const file = join(first.directory, '.hem/store.sqlite');
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script, file]);
  await once(killed.stdout, 'data');
  expect(await hem(first.directory, 'start', '--port', '0', '--admin-port', '0')).toMatchObject({
    code: 2,
    output: expect.stringContaining('another gateway'),
  });
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await using _again = await startGatewayIn(first.directory);
});

test('where there are no plans, nothing is opened and nothing written', async () => {
  const { 'clients/plans.yml': _plans, ...others } = FILES;
  const files = { ...others, 'clients/web/client.yml': '{}' };
  await using started = await startGateway({ files });
  expect(started.gateway.registry).toBeUndefined();
  expect(await readdir(join(started.directory, '.hem'))).toEqual(['admin-token']);
});

describe('on a Redis that is killed', { timeout: 60_000 }, () => {
  test('keys count on, new ones are refused as unavailable, and a gateway that starts meanwhile knows them', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
    const port = await freePort();
    let daemon = await redis.start({ directory, port });
    try {
      const settings = {
        log: { level: 'silent' },
        store: { kind: 'redis', url: redis.url(port), prefix: newPrefix() },
        keys: { peppers: { 1: 'a pepper of thirty-two characters' } },
      };
      await using first = await startGateway({ files: { ...FILES, 'hem.yml': JSON.stringify(settings) } });
      const { table, keys } = first.gateway.registry!;
      const { id, key } = await hemJson(first.directory, ...create);
      const revoked = await hemJson(first.directory, ...create);
      await expect.poll(() => table.find(revoked.key)?.id, soon).toBe(revoked.id);
      await keys.revoke(revoked.id);
      await daemon.stop();
      await expect(keys.revoke(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect([table.find(key)?.id, table.whyNot(revoked.key)]).toEqual([id, 'revoked']);
      const { code, output } = await hem(first.directory, ...create);
      expect([code, output]).toEqual([2, expect.stringContaining('store')]);
      const listed = await hem(first.directory, 'keys', 'list');
      expect([listed.code, listed.output]).toEqual([
        0,
        expect.stringMatching(/does not answer.*out of date/),
      ]);
      expect(listed.output).toContain(revoked.id);
      await first.gateway.stop();

      await using second = await startGatewayIn(first.directory);
      const later = second.gateway.registry!;
      expect([later.table.find(key)?.id, later.table.whyNot(revoked.key)]).toEqual([id, 'revoked']);
      // It comes back empty: what was known is put back.
      daemon = await redis.start({ directory, port });
      await expect
        .poll(
          () => hemJson(first.directory, 'keys', 'list').then(({ keys: list }) => list.length, String),
          soon,
        )
        .toBe(2);
      await hemJson(first.directory, 'keys', 'revoke', id);
      await expect.poll(() => later.table.find(key), soon).toBeUndefined();
    } finally {
      await daemon.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('a gateway that never saw the keys says that it cannot know them, until it does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
    const port = await freePort();
    const settings = (pepper: string) => ({
      log: { level: 'silent' },
      store: { kind: 'redis', url: redis.url(port), prefix },
      keys: { peppers: { 1: pepper } },
    });
    const prefix = newPrefix();
    const [pepper, another] = ['a pepper of thirty-two characters', 'another one of so many characters'];
    const write = (text: string) => ({ files: { ...FILES, 'hem.yml': JSON.stringify(settings(text)) } });
    await using first = await startGateway(write(pepper));
    await using stranger = await startGateway(write(another));
    const { table } = first.gateway.registry!;
    const { text } = makeKey('live');
    expect([table.find(text), table.whyNot(text), table.whyNot('hem_live_garbage')]).toEqual([
      undefined,
      'unavailable',
      'malformed',
    ]);
    const daemon = await redis.start({ directory, port });
    try {
      const made = () => hemJson(first.directory, ...create).catch(() => undefined);
      let key = '';
      await expect.poll(async () => (key = (await made())?.key ?? ''), soon).not.toBe('');
      await expect.poll(() => table.find(key)?.consumer, soon).toBe('acme');
      expect(table.whyNot(text)).toBe('unknown');
      // A machine with another pepper cannot tell whether a key is right, and makes none.
      const { table: theirs, keys } = stranger.gateway.registry!;
      await expect.poll(async () => (await keys.list()).length, soon).toBeGreaterThan(0);
      expect([theirs.find(key), theirs.whyNot(key)]).toEqual([undefined, 'unavailable']);
      const wish = { consumer: 'acme', plan: 'partner' };
      await expect(keys.create(wish, 'operator')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await stranger.gateway.stop();
      await expect(startGatewayIn(stranger.directory)).rejects.toThrow(/keys-pepper/);
    } finally {
      await daemon.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

test.each(['no database at all, but long enough to be one'.repeat(100), ''])(
  'a store that is broken, or empty, is said so or made anew: "%.20s"',
  async (content) => {
    const files = { ...FILES, '.hem/store.sqlite': content };
    const directory = await writeConfiguration(files);
    try {
      const { code, output } = await hem(directory, 'keys', 'list');
      if (content === '') expect([code, output]).toEqual([0, 'no keys\n']);
      else {
        expect([code, output]).toEqual([
          2,
          expect.stringContaining('store.sqlite can be neither opened nor made'),
        ]);
        expect(output).not.toMatch(/^ +at /m);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

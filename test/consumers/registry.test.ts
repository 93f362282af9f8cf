/** Consumers, plans, subscriptions and keys, as several processes see them on each kind of store. */
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import type { Registry } from '../../src/consumers/registry.ts';
import type { Store } from '../../src/store/store.ts';
import { makeAcme, openRegistries, PEPPER, PLANS, plansOf, type TestRegistries } from './registries.ts';

const soon = { timeout: 5000, interval: 10 };

describe.each<Store['kind']>(['embedded', 'redis'])('on a store of the kind %s', (kind) => {
  let registries: TestRegistries;
  let here: Registry;
  let there: Registry;

  beforeEach(async () => {
    registries = await openRegistries(kind);
    here = await registries.open();
    there = await registries.open();
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  describe('plans', () => {
    test('get a first version each, whoever is first', () => {
      expect(here.plans.list()).toMatchObject([
        { name: 'free', newest: 1, approval: 'automatic', retiredAt: null },
        { name: 'partner', newest: 1, title: 'Partners', clients: ['web', 'iot'] },
      ]);
    });

    test('stay as they are in their version; a change makes the next, another order of keys does not', async () => {
      const { subscription } = await makeAcme(here);
      await registries.open({
        plans: plansOf({ free: { approval: 'automatic', clients: ['web'] }, partner: PLANS.get('partner') }),
      });
      await expect.poll(() => here.plans.known('free').newest, soon).toBe(1);
      await registries.open({ plans: plansOf({ free: PLANS.get('free'), partner: { clients: ['web'] } }) });
      await expect.poll(() => here.plans.known('partner').newest, soon).toBe(2);
      expect(here.plans.settingsOf('partner', 1)?.clients).toEqual(['web', 'iot']);
      expect(here.plans.settingsOf('partner', 2)?.clients).toEqual(['web']);
      expect(here.subscriptions.list()).toMatchObject([{ planVersion: 1, newestVersion: 2 }]);
      const moved = await here.subscriptions.move(subscription.id);
      expect(moved).toMatchObject({ planVersion: 2, newestVersion: 2 });
      await expect(here.subscriptions.move(subscription.id, 3)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await here.subscriptions.move(subscription.id, 1)).toMatchObject({ planVersion: 1 });
    });

    test('are the same whatever order their sets are written in', async () => {
      const fields = (...exclude: string[]) => ({ include: [...exclude, 'Query.*'], exclude });
      const written = (clients: string[], scopes: string[], ...exclude: string[]) =>
        plansOf({ free: PLANS.get('free'), partner: { clients, scopes, fields: fields(...exclude) } });
      await registries.open({ plans: written(['iot', 'web'], ['a', 'b'], 'A.*', 'B.*') });
      await registries.open({ plans: written(['web', 'iot'], ['b', 'a'], 'B.*', 'A.*') });
      const last = await registries.open({ plans: written(['web', 'iot'], ['b', 'a'], 'B.*') });
      expect(last.plans.known('partner').newest).toBe(3);
      expect(last.plans.settingsOf('partner', 2)?.clients).toEqual(['iot', 'web']);
    });

    test('that are no longer in the file take no new subscriptions; who has one keeps it', async () => {
      const { key } = await makeAcme(here);
      const later = await registries.open({ plans: plansOf({ free: PLANS.get('free') }) });
      expect(later.plans.show('partner').retiredAt).not.toBeNull();
      await later.consumers.create('late');
      await expect(later.subscriptions.ask('late', 'partner', 'operator')).rejects.toMatchObject({
        code: 'CONFLICT',
        publicText: expect.stringContaining('retired'),
      });
      expect(later.table.find(key)).toMatchObject({ plan: 'partner', planVersion: 1 });
      const back = await registries.open();
      expect(back.plans.show('partner')).toMatchObject({ newest: 1, retiredAt: null });
    });

    test('that several processes change at the same time change once', async () => {
      const plans = plansOf({ free: PLANS.get('free'), partner: { clients: ['iot'] } });
      await Promise.all(Array.from({ length: 4 }, () => registries.open({ plans })));
      await expect.poll(() => here.plans.known('partner').newest, soon).toBe(2);
    });
  });

  describe('subscriptions', () => {
    test('are approved by the rule of the plan, or wait for an operator', async () => {
      await here.consumers.create('acme');
      expect(await here.subscriptions.ask('acme', 'free', 'consumer')).toMatchObject({ state: 'approved' });
      const asked = await here.subscriptions.ask('acme', 'partner', 'consumer');
      expect(asked).toMatchObject({ state: 'pending', decidedAt: null });
      expect((await here.subscriptions.ask('acme', 'partner', 'consumer')).id).toBe(asked.id);
      const wish = { consumer: 'acme', plan: 'partner' };
      await expect(here.keys.create(wish, 'consumer')).rejects.toMatchObject({ code: 'CONFLICT' });
      await expect.poll(() => there.subscriptions.list({ state: 'pending' }), soon).toHaveLength(1);
      await there.subscriptions.decide(asked.id, 'approved');
      await expect.poll(() => here.subscriptions.get(asked.id).state, soon).toBe('approved');
      expect(await here.keys.create(wish, 'consumer')).toMatchObject({
        key: expect.stringMatching(/^hem_live_/),
      });
    });

    test('are approved to what the plan is then, and listed by names that are there', async () => {
      await here.consumers.create('acme');
      const { id, planVersion } = await here.subscriptions.ask('acme', 'partner', 'consumer');
      expect(planVersion).toBe(1);
      await registries.open({ plans: plansOf({ free: PLANS.get('free'), partner: { clients: ['web'] } }) });
      await expect.poll(() => here.plans.known('partner').newest, soon).toBe(2);
      await expect(here.subscriptions.move(id)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await here.subscriptions.decide(id, 'approved')).toMatchObject({ planVersion: 2 });
      expect(here.subscriptions.list({ consumer: 'acme', plan: 'partner' })).toHaveLength(1);
      for (const filter of [{ consumer: 'acmee' }, { plan: 'partners' }])
        expect(() => here.subscriptions.list(filter)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    });

    test('that were denied say why, and may be asked for again', async () => {
      await here.consumers.create('acme');
      const { id } = await here.subscriptions.ask('acme', 'partner', 'consumer');
      expect(await here.subscriptions.decide(id, 'denied', { reason: 'no contract' })).toMatchObject({
        state: 'denied',
        reason: 'no contract',
      });
      expect(await here.subscriptions.ask('acme', 'partner', 'consumer')).toMatchObject({
        id,
        state: 'pending',
        reason: null,
      });
    });

    test('that end take their keys along, and do not bring them back', async () => {
      const { key, subscription } = await makeAcme(here);
      await expect.poll(() => there.table.find(key)?.consumer, soon).toBe('acme');
      await here.subscriptions.decide(subscription.id, 'cancelled');
      expect([here.table.find(key), here.table.whyNot(key)]).toEqual([undefined, 'cancelled']);
      await expect.poll(() => there.table.find(key), soon).toBeUndefined();
      const again = await here.subscriptions.ask('acme', 'partner', 'operator');
      expect(again.id).not.toBe(subscription.id);
      expect(here.table.find(key)).toBeUndefined();
      await expect(here.subscriptions.decide(subscription.id, 'approved')).rejects.toMatchObject({
        code: 'CONFLICT',
      });
    });
  });

  describe('keys', () => {
    test('are found by every process, with what they are for', async () => {
      const { id, key, subscription } = await makeAcme(here);
      const expected = {
        id,
        consumer: 'acme',
        subscription: subscription.id,
        plan: 'partner',
        planVersion: 1,
        environment: 'live',
        clients: undefined,
        origins: undefined,
        expiresAt: Number.POSITIVE_INFINITY,
      };
      expect(here.table.find(key)).toEqual(expected);
      await expect.poll(() => there.table.find(key), soon).toEqual(expected);
    });

    test('of the right public part and another secret are unknown', async () => {
      const { key } = await makeAcme(here);
      const [, , id] = key.split('_');
      let other = makeKey('live').text;
      // The checksum is no secret: somebody who guesses can make one.
      const { crc32 } = await import('node:zlib');
      const body = `hem_live_${id}_${other.split('_')[3]}`;
      const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
      let checksum = '';
      for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62))
        checksum = digits[rest % 62]! + checksum;
      other = `${body}_${checksum}`;
      expect([here.table.find(other), here.table.whyNot(other)]).toEqual([undefined, 'unknown']);
      await here.keys.revoke(id!);
      expect([here.table.whyNot(other), here.table.whyNot(key)]).toEqual(['unknown', 'revoked']);
    });

    test('are none the moment that they are revoked, elsewhere soon', async () => {
      const { id, key } = await makeAcme(here);
      await expect.poll(() => there.table.find(key)?.id, soon).toBe(id);
      let ended = 0;
      there.table.onEnd(there.table.find(key)!, () => ended++);
      await here.keys.revoke(id);
      expect([here.table.find(key), here.table.whyNot(key)]).toEqual([undefined, 'revoked']);
      await expect.poll(() => there.table.find(key), soon).toBeUndefined();
      expect(ended).toBe(1);
      expect(await here.keys.revoke(id)).toMatchObject({ state: 'revoked' });
      await expect(here.keys.rotate(id, { overlapMs: 0 })).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    test('are rotated: the one before counts until exactly the end of the overlap', async () => {
      const { id, key } = await makeAcme(here);
      const rotated = await here.keys.rotate(id, { overlapMs: 60_000 });
      const { expiresAt } = here.table.find(key)!;
      expect(here.table.find(rotated.key)).toMatchObject({ consumer: 'acme', plan: 'partner' });
      registries.ahead = expiresAt - Date.now() - 2000;
      expect([here.table.find(key)?.id, here.table.find(rotated.key)?.id]).toEqual([id, rotated.id]);
      registries.ahead = expiresAt - Date.now();
      expect([here.table.find(key), here.table.whyNot(key)]).toEqual([undefined, 'rotated']);
      expect(here.table.find(rotated.key)?.id).toBe(rotated.id);
    });

    test('are rotated once: of two who try at the same time one is told so', async () => {
      const { id, key } = await makeAcme(here);
      await expect.poll(() => there.table.find(key)?.id, soon).toBe(id);
      const outcomes = await Promise.allSettled([
        here.keys.rotate(id, { overlapMs: 0 }),
        there.keys.rotate(id, { overlapMs: 0 }),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect((await here.keys.list()).filter(({ replaces }) => replaces === id)).toHaveLength(1);
    });

    test('end at their time; who waits for that is told once', async () => {
      await makeAcme(here);
      const expiresAt = Date.now() + 400;
      const { key } = await here.keys.create({ consumer: 'acme', plan: 'partner', expiresAt }, 'operator');
      const ended: string[] = [];
      const known = here.table.find(key)!;
      here.table.onEnd(known, () => ended.push('here'));
      const stop = here.table.onEnd(known, () => ended.push('stopped'));
      stop();
      expect(here.table.find(key)?.expiresAt).toBe(expiresAt);
      await expect.poll(() => ended, { timeout: 3000, interval: 10 }).toEqual(['here']);
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
      expect(here.table.find(key)).toBeUndefined();
      here.table.onEnd(known, () => ended.push('late'));
      here.table.onEnd({ ...known, id: 'nothing' }, () => ended.push('never there'));
      expect(ended).toEqual(['here']);
      await expect.poll(() => ended.toSorted(), soon).toEqual(['here', 'late', 'never there']);
    });

    test('of a suspended consumer do not count, and do again', async () => {
      const { key, token } = await makeAcme(here);
      await here.consumers.setSuspended('acme', true);
      expect([here.table.find(key), here.table.whyNot(key)]).toEqual([undefined, 'suspended']);
      await expect(here.keys.create({ consumer: 'acme', plan: 'partner' }, 'operator')).rejects.toMatchObject(
        { code: 'CONFLICT' },
      );
      await here.consumers.setSuspended('acme', false);
      expect(here.table.find(key)?.consumer).toBe('acme');
      expect(here.consumers.ofToken(token)).toBe('acme');
    });

    test('that another system made are presented as they were', async () => {
      await makeAcme(here);
      const sha = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
      const wish = { consumer: 'acme', plan: 'partner' };
      const one = await here.imports.take({
        ...wish,
        algorithm: 'sha256',
        hash: sha('sha256', 'sk_old_1'),
        prefix: 'sk_',
      });
      await here.imports.take({
        ...wish,
        algorithm: 'sha512',
        hash: sha('sha512', 'any text at all').toUpperCase(),
      });
      expect(here.table.find('sk_old_1')).toMatchObject({ id: one.id, consumer: 'acme', plan: 'partner' });
      await expect.poll(() => there.table.find('any text at all')?.consumer, soon).toBe('acme');
      for (const text of ['sk_old_2', 'sk_', '', 'x'.repeat(600), sha('sha256', 'sk_old_1')])
        expect([text, here.table.find(text)]).toEqual([text, undefined]);
      const again = { ...wish, algorithm: 'sha256' as const, hash: sha('sha256', 'sk_old_1') };
      expect((await here.imports.take(again)).id).toBe(one.id);
      await here.consumers.create('other');
      await expect(here.imports.take({ ...again, consumer: 'other' })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await expect(here.imports.take({ ...again, hash: 'abc' })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
      await expect(here.imports.take({ ...again, hash: sha('sha256', '') })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
        publicText: expect.stringContaining('no text at all'),
      });
      await expect(here.imports.take({ ...again, prefix: 'hem_live_' })).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
      const rotated = await here.keys.rotate(one.id, { overlapMs: 0 });
      expect(rotated.key).toMatch(/^hem_live_/);
      expect([here.table.find('sk_old_1'), here.table.find(rotated.key)?.id]).toEqual([
        undefined,
        rotated.id,
      ]);
    });

    test('that another system made are taken by the thousand, and twice', { timeout: 30_000 }, async () => {
      await makeAcme(here);
      const hashes = Array.from({ length: 3000 }, (_, index) =>
        createHash('sha256').update(`sk_${index}`).digest('hex'),
      );
      const wish = { consumer: 'acme', plan: 'partner', algorithm: 'sha256', prefix: 'sk_' } as const;
      const counts: number[] = [];
      const taken = await here.imports.takeAll(wish, [...hashes, hashes[0]!], (count) => counts.push(count));
      expect([taken.length, taken.at(-1)!.id]).toEqual([3001, taken[0]!.id]);
      expect(counts.length).toBeLessThan(20);
      expect(here.table.find('sk_2999')?.id).toBe(taken[2999]!.id);
      const again = await here.imports.takeAll(wish, hashes);
      expect(again.map(({ id }) => id)).toEqual(taken.slice(0, 3000).map(({ id }) => id));
      expect(await here.keys.list({ consumer: 'acme' })).toHaveLength(3001);
    });

    test('for web pages say of which origins, and are shown again', async () => {
      await makeAcme(here);
      const origins = ['https://app.example.com'];
      const { id, key } = await here.keys.create({ consumer: 'acme', plan: 'partner', origins }, 'operator');
      expect(here.table.find(key)?.origins).toEqual(origins);
      expect(await here.keys.show(id)).toMatchObject({ kind: 'publishable', key });
      const secret = (await here.keys.list()).find((view) => view.kind === 'secret')!;
      expect(secret.key).toBeUndefined();
      for (const origin of [
        'app.example.com',
        'https://app.example.com/',
        'javascript:x',
        'https://*.example.com',
      ])
        await expect(
          here.keys.create({ consumer: 'acme', plan: 'partner', origins: [origin] }, 'operator'),
          origin,
        ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    });

    test('are for clients that the plan grants', async () => {
      await makeAcme(here);
      const wish = { consumer: 'acme', plan: 'partner' };
      const { key } = await here.keys.create({ ...wish, clients: ['iot'] }, 'operator');
      expect(here.table.find(key)?.clients).toEqual(['iot']);
      await expect(here.keys.create({ ...wish, clients: ['ito'] }, 'operator')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        publicText: 'There is no client in the plan "partner": "ito"; did you mean "iot"?',
      });
    });

    test('tell when they were last used, not on the way of a request', async () => {
      const { id, key } = await makeAcme(here);
      expect((await here.keys.show(id)).lastUsedAt).toBeNull();
      await expect.poll(() => there.keys.list(), soon).toHaveLength(1);
      const before = Date.now();
      here.table.find(key);
      // It is written now and then, and when the process ends.
      await here[Symbol.asyncDispose]();
      const { lastUsedAt } = await there.keys.show(id);
      expect(Date.parse(lastUsedAt!)).toBeGreaterThanOrEqual(before);
    });

    test('and everything else survives a restart', async () => {
      const { key, token } = await makeAcme(here);
      const later = await registries.open();
      expect([later.table.find(key)?.consumer, later.consumers.ofToken(token)]).toEqual(['acme', 'acme']);
      expect(later.consumers.list()).toHaveLength(1);
    });
  });

  describe('peppers', () => {
    const configured = { peppers: { two: 'q'.repeat(32) }, current: 'two' };

    test('the own one counts beside those that are configured later, while it is there', async () => {
      await using own = await openRegistries(kind);
      const { key } = await makeAcme(await own.open({ keys: {} }));
      const later = await own.open({ keys: configured });
      expect(later.table.find(key)?.consumer).toBe('acme');
      const { key: newer } = await later.keys.create({ consumer: 'acme', plan: 'partner' }, 'operator');
      await rm(join(own.stores.root, '.hem', 'pepper'));
      const without = await own.open({ keys: configured });
      expect([without.table.find(newer)?.consumer, without.table.whyNot(key)]).toEqual([
        'acme',
        'unavailable',
      ]);
      // One that is left of another store keeps nobody from starting, and tells nothing about keys.
      await writeFile(join(own.stores.root, '.hem', 'pepper'), 'r'.repeat(32));
      const other = await own.open({ keys: configured });
      expect([other.table.find(newer)?.consumer, other.table.whyNot(key)]).toEqual(['acme', 'unavailable']);
    });

    test('of another machine that are others are a mistake that is told at the start', async () => {
      await makeAcme(here);
      const other = { peppers: { one: 'q'.repeat(32) }, current: 'one' };
      await expect(registries.open({ keys: other })).rejects.toThrow(
        /keys-pepper[\s\S]*another pepper "one"/,
      );
    });

    test('follow each other: keys of the one before count on', async () => {
      const { key } = await makeAcme(here);
      const both = { peppers: { ...PEPPER.peppers, two: 'q'.repeat(32) }, current: 'two' };
      const later = await registries.open({ keys: both });
      expect(later.table.find(key)?.consumer).toBe('acme');
      const newer = await later.keys.create({ consumer: 'acme', plan: 'partner' }, 'operator');
      expect(later.table.find(newer.key)?.id).toBe(newer.id);
      const without = await registries.open({ keys: { peppers: { two: 'q'.repeat(32) }, current: 'two' } });
      expect(without.table.find(newer.key)?.id).toBe(newer.id);
      // Nobody can say whether it is right.
      expect([without.table.find(key), without.table.whyNot(key)]).toEqual([undefined, 'unavailable']);
    });
  });

  test('nothing that is kept has a secret in it', async () => {
    const { key, token } = await makeAcme(here);
    const records = await (await registries.stores.open()).records();
    const all = JSON.stringify(
      ['consumers', 'plans', 'plan-versions', 'subscriptions', 'keys', 'peppers'].map((table) =>
        records.all(table),
      ),
    );
    for (const text of [key, token]) expect(all).not.toContain(text.split('_')[3]);
    expect(all).not.toContain('pppppp');
    expect(all).toContain('acme');
  });
});

test.each(
  [['', 'Acme', 'a b', '../x', '-a', 'x'.repeat(64), 'ä', 'a/b'].map((name) => [name] as const)].flat(),
)('a consumer is not called "%s"', async (name) => {
  await using registries = await openRegistries();
  const registry = await registries.open();
  await expect(registry.consumers.create(name)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('names that objects have by themselves are names', async () => {
  await using registries = await openRegistries();
  const registry = await registries.open();
  await registry.consumers.create('constructor');
  await registry.subscriptions.ask('constructor', 'free', 'consumer');
  const { key } = await registry.keys.create({ consumer: 'constructor', plan: 'free' }, 'consumer');
  expect(registry.table.find(key)?.consumer).toBe('constructor');
  await expect(registry.subscriptions.ask('constructor', '__proto__', 'consumer')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(() => registry.consumers.show('valueOf')).toThrow('There is no consumer');
});

test('a consumer makes so many keys by itself and no more; all of them can be rotated, and not without end', {
  timeout: 30_000,
}, async () => {
  await using registries = await openRegistries();
  const registry = await registries.open();
  await registry.consumers.create('acme');
  await registry.subscriptions.ask('acme', 'free', 'consumer');
  const wish = { consumer: 'acme', plan: 'free' };
  const rotate = (id: string) => registry.keys.rotate(id, { overlapMs: 1e6 }, 'acme');
  const made = await Promise.all(Array.from({ length: 4 }, () => registry.keys.create(wish, 'consumer')));
  while (made.length < 50) made.push(await registry.keys.create(wish, 'consumer'));
  await expect(registry.keys.create(wish, 'consumer')).rejects.toMatchObject({ code: 'CONFLICT' });
  let last = '';
  for (const { id } of made) ({ id: last } = await rotate(id));
  await expect(rotate(last)).rejects.toMatchObject({ code: 'CONFLICT' });
  await registry.keys.revoke(made[1]!.id, 'acme');
  await rotate(last);
});

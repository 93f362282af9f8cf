/** What every connector kind does, whatever its protocol: one list of cases, one backend per kind, through the public door. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/connectors/registry.ts';
import { clientYml, newKey, sign } from '../auth/issuer.ts';
import type { GraphQLBody, TestGateway } from '../support/gateway.ts';
import { type Certificates, makeCertificates } from './conformance/certificates.ts';
import { startThingsGateway } from './conformance/gateway.ts';
import type { Ability, ThingsBackend } from './conformance/kind.ts';
import { CONFORMING_KINDS } from './conformance/kinds.ts';
import { BIG, SECRET } from './conformance/things.ts';

/** Waits that end because something happens, on a machine that does other things, too. */
const SOON_MS = 8000;

let certificates: Certificates;

beforeAll(async () => {
  certificates = await makeCertificates();
});

test('every kind is tried', () => {
  expect(CONFORMING_KINDS.map(({ kind }) => kind)).toEqual(KINDS.map(({ kind }) => kind));
});

describe.each(CONFORMING_KINDS)('$kind', (conforming) => {
  const { kind } = conforming;
  let backend: ThingsBackend;
  let gateway: TestGateway;

  beforeAll(async () => {
    backend = await conforming.start();
    gateway = await startThingsGateway(kind, backend);
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
  });

  const ask = async (query: string, variables?: Record<string, unknown>) =>
    (await gateway.query('web', query, { variables })).body;

  /** A test of what only some kinds can do. */
  const testIf = (ability: Ability, name: string, run: () => Promise<void>) =>
    test(name, async (context) => {
      const reason = conforming.lacks[ability];
      if (reason !== undefined) context.skip(reason);
      await run();
    });

  describe('answers', () => {
    test('a single lookup', async () => {
      expect(await ask('{ thing(id: "1") { id name } }')).toEqual({
        data: { thing: { id: '1', name: 'Thing 1' } },
      });
    });

    test('null for what does not exist, without an error', async () => {
      expect(await ask('{ thing(id: "missing") { id } }')).toEqual({ data: { thing: null } });
    });

    test('a list', async () => {
      expect(await ask('{ things(first: 2) { id } }')).toEqual({
        data: { things: [{ id: '1' }, { id: '2' }] },
      });
      expect(await ask('{ things(first: 0) { id } }')).toEqual({ data: { things: [] } });
    });

    test('many keys of another connector in one call, matched by key, nothing for a missing one', async () => {
      const before = backend.things.named('thingsById').length;
      expect(await ask('{ box { label things { id name } } }')).toEqual({
        data: {
          box: {
            label: 'Box',
            things: [
              { id: '3', name: 'Thing 3' },
              { id: 'missing', name: null },
              { id: '1', name: 'Thing 1' },
              { id: '3', name: 'Thing 3' },
            ],
          },
        },
      });
      const calls = backend.things.named('thingsById').slice(before);
      expect(calls.map(({ args }) => args.ids)).toEqual([['3', 'missing', '1']]);
    });

    test('a field with a call of its own, fed by its parent', async () => {
      const { data } = await ask('{ things(first: 2) { parts(first: 2) { name } } }');
      expect(data.things).toEqual([
        { parts: [{ name: '1-1' }, { name: '1-2' }] },
        { parts: [{ name: '2-1' }, { name: '2-2' }] },
      ]);
    });

    test('every call is counted, and described, for callers who ask what an operation took', async () => {
      const { body } = await gateway.query('web', '{ things(first: 3) { parts(first: 1) { name } } }', {
        headers: { 'hem-plan': '1' },
      });
      const { timeline, steps } = body.extensions!.plan as {
        timeline: { steps: Array<{ id: string; calls: number; objects: number; failed: number }> };
        steps: Array<{ call: string; objectsPerCall: number; steps: Array<{ call: string }> }>;
      };
      const calls = timeline.steps.map(({ id, objects, calls, failed }) => [id, objects, calls, failed]);
      // GraphQL asks for several under aliases.
      expect(calls).toEqual([
        ['1', 1, 1, 0],
        ['1.1', 3, kind === 'graphql' ? 1 : 3, 0],
      ]);
      expect(steps[0]?.call).toMatch(/\S/);
      expect(steps[0]?.steps[0]?.call).toMatch(/\S/);
      expect(JSON.stringify(steps)).not.toContain('127.0.0.1');
    });

    test('whole numbers of 64 bits with all digits', async () => {
      const { data } = await ask('{ thing(id: "1") { big } }');
      expect(String(data.thing.big)).toBe(BIG);
    });

    test('keys of prototypes as data', async () => {
      expect(await ask('{ thing(id: "1") { odd polluted } }')).toEqual({
        data: { thing: { odd: 'builder', polluted: null } },
      });
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });

    test('a mutation, once each and in order', async () => {
      const before = backend.things.named('rename').length;
      const { data } = await ask(
        'mutation { a: rename(id: "r1", name: "New") { name } b: rename(id: "r1", name: "Newer") { name } c: rename(id: "r1", name: "New") { name } }',
      );
      expect(data).toEqual({ a: { name: 'New' }, b: { name: 'Newer' }, c: { name: 'New' } });
      const calls = backend.things.named('rename').slice(before);
      expect(calls.map(({ args }) => args.name)).toEqual(['New', 'Newer', 'New']);
    });

    test('fifty callers at once, each with their own', async () => {
      const ids = Array.from({ length: 50 }, (_, index) => `p${index}`);
      const bodies = await Promise.all(
        ids.map((id) => ask('query ($id: ID!) { thing(id: $id) { id name } }', { id })),
      );
      expect(bodies).toEqual(ids.map((id) => ({ data: { thing: { id, name: `Thing ${id}` } } })));
    });

    test('fifty fields of one operation, each with its own', async () => {
      const fields = Array.from({ length: 50 }, (_, index) => `f${index}: thing(id: "p${index}") { id }`);
      const { data } = await ask(`{ ${fields.join(' ')} }`);
      expect(Object.entries(data)).toEqual(fields.map((_, index) => [`f${index}`, { id: `p${index}` }]));
    });

    test('one call for what an operation asks twice', async () => {
      const before = backend.things.named('thing').length;
      const { data } = await ask('{ a: thing(id: "p1") { name } b: thing(id: "p1") { name } }');
      expect(data).toEqual({ a: { name: 'Thing p1' }, b: { name: 'Thing p1' } });
      expect(backend.things.named('thing').length - before).toBe(1);
    });
  });

  describe('texts of callers', () => {
    const HARMLESS = [
      'it\'s "quoted" `so` \\ and \\" so',
      '<b>&amp;</b> ]]> <!-- --> <![CDATA[x]]> {{y}} {z} $id %s %00 %2e%2e%2f',
      'one\ntwo\tthree',
      '🚲 žluťoučký 自転車 \u202e\u200d',
      '../../etc/passwd?x=1&y=2#z;a=b',
      '/%2e%2e/..;/\\..\\//evil@host:80',
      '__proto__',
      "1' OR '1'='1",
    ];
    test.each(HARMLESS)('%j arrives unchanged', async (text) => {
      expect(await ask('query ($text: String!) { echo(text: $text) }', { text })).toEqual({
        data: { echo: text },
      });
      expect(backend.things.named('echo').at(-1)?.args.text).toBe(text);
    });

    const HOSTILE = [
      'a\r\nx-evil: 1\r\n\r\nGET / HTTP/1.1',
      'a\u0000b',
      'a\ud800b',
      '\udc00',
      '..',
      '.',
      '',
      '\u0001\u001f\u007f',
      '\ufffe',
    ];
    test.each(HOSTILE)('%j arrives unchanged, or nothing does', async (text) => {
      const before = backend.things.calls.length;
      const body = await ask('query ($text: String!) { echo(text: $text) thing(id: "1") { id } }', { text });
      const arrived = backend.things.calls.slice(before).filter(({ name }) => name === 'echo');
      expect(body.data.thing).toEqual({ id: '1' });
      if (arrived.length === 0) {
        expect(errorsOf(body)).toEqual([['echo', 'BAD_ARGUMENT', 'things']]);
      } else {
        expect(arrived.map(({ args }) => args.text ?? '')).toEqual([text]);
        expect(arrived[0]?.headers).not.toHaveProperty('x-evil');
        expect(body.errors).toBeUndefined();
      }
    });
  });

  describe('failures', () => {
    test.each([
      ['broken', 'UPSTREAM_FAILED'],
      ['denied', 'UPSTREAM_DENIED'],
      ['garbage', 'UPSTREAM_INVALID'],
    ])('%s is %s, told without the backend’s words, and the rest is there', async (id, code) => {
      // One after the other: some protocols lose the connection over garbage.
      const { data: rest } = await ask('{ box { label } thing(id: "1") { id } }');
      expect(rest).toEqual({ box: { label: 'Box' }, thing: { id: '1' } });
      const body = await ask('query ($id: ID!) { thing(id: $id) { id } box { label } }', { id });
      expect(body.data).toEqual({ thing: null, box: { label: 'Box' } });
      expect(errorsOf(body)).toEqual([['thing', code, 'things']]);
      expect(body.errors?.[0]?.extensions).toMatchObject({
        coordinate: 'Query.thing',
        requestId: expect.any(String),
      });
      const text = JSON.stringify(body);
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('127.0.0.1');
      expect((await ask('{ thing(id: "1") { id } }')).data).toEqual({ thing: { id: '1' } });
    });

    test('the backend’s words are told where connector.yml says so', async () => {
      await using open = await startThingsGateway(kind, backend, {
        settings: 'errors: { detail: public }\n',
      });
      const { body } = await open.query('web', '{ thing(id: "broken") { id } }');
      expect(JSON.stringify(body.errors?.[0]?.extensions.detail)).toContain(SECRET);
    });

    test('an answer above the limit is refused, and the next one is fine', async () => {
      await using bounded = await startThingsGateway(kind, backend, {
        settings: 'limits: { responseBytes: 20KB }\n',
      });
      const { body } = await bounded.query('web', '{ thing(id: "large") { name } }');
      expect(body.data).toEqual({ thing: null });
      expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_INVALID', 'things']]);
      const next = await bounded.query('web', '{ thing(id: "1") { name } }');
      expect(next.body).toEqual({ data: { thing: { name: 'Thing 1' } } });
    });

    test('an answer of more objects than the limit is refused, and the next one is fine', async () => {
      await using bounded = await startThingsGateway(kind, backend, {
        settings: 'limits: { responseObjects: 500 }\n',
      });
      const { body } = await bounded.query('web', '{ things(first: 501) { id } }');
      expect(body.data).toEqual({ things: null });
      expect(errorsOf(body)).toEqual([['things', 'UPSTREAM_INVALID', 'things']]);
      const next = await bounded.query('web', '{ things(first: 100) { id } }');
      expect(next.body.data?.things).toHaveLength(100);
    });
  });

  describe('time', () => {
    test('a backend that does not answer costs its own timeout and no more', async () => {
      await using hasty = await startThingsGateway(kind, backend, {
        settings: 'timeouts: { connect: 2s, request: 500ms }\n',
      });
      await hasty.query('web', '{ thing(id: "1") { id } }');
      const startedAt = performance.now();
      const { body } = await hasty.query(
        'web',
        '{ thing(id: "hang") { id } box { label } echo(text: "still there") }',
      );
      const tookMs = performance.now() - startedAt;
      expect(body.data).toEqual({ thing: null, box: { label: 'Box' }, echo: 'still there' });
      expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_TIMEOUT', 'things']]);
      expect(tookMs).toBeGreaterThan(400);
      expect(tookMs).toBeLessThan(SOON_MS / 2);
      expect((await hasty.query('web', '{ thing(id: "1") { id } }')).body.data).toEqual({
        thing: { id: '1' },
      });
    });

    test('the operation’s deadline wins over a longer timeout', async () => {
      await using hasty = await startThingsGateway(kind, backend, {
        settings: 'timeouts: { connect: 20s, request: 20s }\n',
        hem: 'limits: { deadline: 500ms }',
      });
      const startedAt = performance.now();
      const { body } = await hasty.query('web', '{ thing(id: "hang") { id } box { label } }');
      expect(body.data).toEqual({ thing: null, box: { label: 'Box' } });
      expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_TIMEOUT', 'things']]);
      expect(performance.now() - startedAt).toBeLessThan(SOON_MS / 2);
    });

    testIf('cancellation', 'a caller that leaves takes the call along', async () => {
      const before = { cancelled: backend.things.cancelled, calls: backend.things.calls.length };
      const leave = new AbortController();
      const left = gateway.fetch('/web/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ thing(id: "hang") { id } }' }),
        signal: leave.signal,
      });
      await until(() => backend.things.calls.length > before.calls);
      leave.abort();
      await expect(left).rejects.toThrow();
      await until(() => backend.things.cancelled > before.cancelled);
    });
  });

  describe('outages', () => {
    test('a backend that is away is named, the rest is there; it is used again once it is back', async () => {
      await backend.down();
      try {
        const startedAt = performance.now();
        const body = await ask('{ thing(id: "1") { id } box { label things { id name } } }');
        expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
        expect(body.data).toMatchObject({ thing: null, box: { label: 'Box' } });
        expect(errorsOf(body)).toContainEqual(['thing', 'UPSTREAM_UNAVAILABLE', 'things']);
        expect(errorsOf(body)).toContainEqual(['box.things.0.name', 'UPSTREAM_UNAVAILABLE', 'things']);
        // Known from the other connector.
        expect(body.data.box.things[0]).toEqual({ id: '3', name: null });
      } finally {
        await backend.up();
      }
      await until(async () => (await ask('{ thing(id: "1") { id } }')).data.thing?.id === '1');
    });

    test('calls under way fail when the backend goes away', async () => {
      const before = backend.things.calls.length;
      const waiting = ask('{ thing(id: "hang") { id } box { label } }');
      await until(() => backend.things.calls.length > before);
      const startedAt = performance.now();
      await backend.down();
      try {
        const body = await waiting;
        expect(body.data).toEqual({ thing: null, box: { label: 'Box' } });
        expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_UNAVAILABLE', 'things']]);
        expect(performance.now() - startedAt).toBeLessThan(4000);
      } finally {
        await backend.up();
      }
      await until(async () => (await ask('{ thing(id: "1") { id } }')).data.thing?.id === '1');
    });

    test('a gateway starts without its backend, and finds it when it comes', async () => {
      await backend.down();
      try {
        await using early = await startThingsGateway(kind, backend);
        const { body } = await early.query('web', '{ thing(id: "1") { id } box { label } }');
        expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_UNAVAILABLE', 'things']]);
        await backend.up();
        await until(
          async () => (await early.query('web', '{ thing(id: "1") { id } }')).body.data.thing?.id === '1',
        );
      } finally {
        await backend.up();
      }
    });
  });

  describe('the circuit', () => {
    const openAfterFour = (pause: string) =>
      `timeouts: { connect: 2s, request: 300ms }\nresilience: { breaker: { calls: 4, window: 60s, pause: ${pause}, maxPause: ${pause} } }\n`;
    const thing = (id: string) => `{ thing(id: "${id}") { id } }`;
    const codeOf = ({ errors }: GraphQLBody) => errors?.[0]?.extensions.code;

    /** Asks for what makes a backend fail. */
    async function fail(failing: TestGateway, id: string, times: number): Promise<void> {
      for (let asked = 0; asked < times; asked++) {
        const { body } = await failing.query('web', thing(id));
        expect(codeOf(body)).toMatch(/^UPSTREAM_(?:UNAVAILABLE|TIMEOUT)$/);
      }
    }

    test('opens after too many failures, keeps calls from the backend, and closes once that answers', async () => {
      await using failing = await startThingsGateway(kind, backend, { settings: openAfterFour('1s') });
      await backend.down();
      try {
        await fail(failing, '1', 4);
      } finally {
        await backend.up();
      }
      const before = backend.things.calls.length;
      const startedAt = performance.now();
      for (let asked = 0; asked < 5; asked++) {
        const { body } = await failing.query('web', '{ thing(id: "1") { id } box { label } }');
        expect(body.data).toEqual({ thing: null, box: { label: 'Box' } });
        expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_CIRCUIT_OPEN', 'things']]);
        const { retryAfterMs } = body.errors![0]!.extensions as { readonly retryAfterMs?: number };
        expect(retryAfterMs).toBeGreaterThan(0);
        expect(retryAfterMs).toBeLessThanOrEqual(1000);
      }
      expect(performance.now() - startedAt).toBeLessThan(600);
      expect(backend.things.calls.length).toBe(before);
      await until(async () => (await failing.query('web', thing('1'))).body.data.thing?.id === '1');
      expect((await failing.query('web', thing('1'))).body.data.thing).toEqual({ id: '1' });
    });

    test('opens after timeouts, and lets one call find out whether they are over', async () => {
      await using failing = await startThingsGateway(kind, backend, { settings: openAfterFour('200ms') });
      // The connection is there: what follows is about answers.
      expect((await failing.query('web', thing('1'))).body.data.thing).toEqual({ id: '1' });
      await fail(failing, 'hang', 3);
      expect(codeOf((await failing.query('web', thing('1'))).body)).toBe('UPSTREAM_CIRCUIT_OPEN');
      await sleep(250);
      const before = backend.things.calls.length;
      const bodies = await Promise.all(Array.from({ length: 10 }, () => failing.query('web', thing('hang'))));
      const codes = bodies.map(({ body }) => codeOf(body)).sort();
      expect(codes).toEqual([...Array(9).fill('UPSTREAM_CIRCUIT_OPEN'), 'UPSTREAM_TIMEOUT']);
      expect(backend.things.calls.length).toBe(before + 1);
    });

    test('stays closed by what is an answer, and by callers who leave', async () => {
      await using steady = await startThingsGateway(kind, backend, { settings: openAfterFour('60s') });
      for (let asked = 0; asked < 6; asked++) {
        await steady.query('web', thing('missing'));
        await steady.query('web', thing('denied'));
      }
      for (let asked = 0; asked < 6; asked++) {
        const before = backend.things.calls.length;
        const leave = new AbortController();
        const left = steady.fetch('/web/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: thing('hang') }),
          signal: leave.signal,
        });
        await until(() => backend.things.calls.length > before);
        leave.abort();
        await expect(left).rejects.toThrow();
      }
      expect((await steady.query('web', thing('1'))).body.data.thing).toEqual({ id: '1' });
    });

    test('is not there where connector.yml says so', async () => {
      await using without = await startThingsGateway(kind, backend, {
        settings: 'timeouts: { connect: 2s, request: 50ms }\nresilience: { breaker: { enabled: false } }\n',
      });
      for (let asked = 0; asked < 25; asked++)
        expect(codeOf((await without.query('web', thing('hang'))).body)).toBe('UPSTREAM_TIMEOUT');
    });
  });

  test('the calls for one list are made in turns, so many at the same time as connector.yml says', async () => {
    await using asked = await startThingsGateway(kind, backend, { settings: 'limits: { callsAtOnce: 3 }\n' });
    const query = '{ things(first: 20) { parts(first: 1) { name } } }';
    backend.things.mostAsking = 0;
    const { body } = await asked.query('web', query);
    const things = Array.from({ length: 20 }, (_, index) => ({ parts: [{ name: `${index + 1}-1` }] }));
    expect(body).toEqual({ data: { things } });
    // To a GraphQL backend they are one call with twenty fields.
    expect(backend.things.mostAsking).toBe(kind === 'graphql' ? 20 : 3);
  });

  describe('what is asked once', () => {
    const thing = (id: string) => `{ thing(id: "${id}") { id name big } }`;
    const told = (id: string) => ({ thing: { id, name: `Thing ${id}`, big: BIG } });

    /** How many calls come while something is done. */
    async function callsOf(work: () => Promise<unknown>): Promise<number> {
      const before = backend.things.calls.length;
      await work();
      return backend.things.calls.length - before;
    }

    /** Asks for the same three times. */
    const thrice = (asked: TestGateway, query: string, data: unknown) =>
      callsOf(async () => {
        for (let count = 0; count < 3; count++)
          expect((await asked.query('web', query)).body.data).toEqual(data);
      });

    test('what is asked by many at the same time, where connector.yml says so', async () => {
      const settings = 'timeouts: { connect: 2s, request: 500ms }\n';
      for (const dedupe of [false, true]) {
        await using asked = await startThingsGateway(kind, backend, {
          settings: `${settings}dedupe: ${dedupe}\n`,
        });
        // The connection is there.
        await asked.query('web', thing('1'));
        const calls = await callsOf(async () => {
          const bodies = await Promise.all(
            Array.from({ length: 5 }, () => asked.query('web', thing('hang'))),
          );
          for (const { body } of bodies)
            expect(errorsOf(body)).toEqual([['thing', 'UPSTREAM_TIMEOUT', 'things']]);
        });
        expect(calls).toBe(dedupe ? 1 : 5);
      }
    });

    test('what is kept for the time that connector.yml gives: lookups, batches, lists; also while the backend is away', async () => {
      await using keeping = await startThingsGateway(kind, backend, { settings: 'cache: { maxAge: 60s }\n' });
      expect(await thrice(keeping, thing('1'), told('1'))).toBe(1);
      expect(await thrice(keeping, thing('2'), told('2'))).toBe(1);
      const list = { things: [{ id: '1' }, { id: '2' }] };
      expect(await thrice(keeping, '{ things(first: 2) { id } }', list)).toBe(1);
      const box = {
        label: 'Box',
        things: [{ name: 'Thing 3' }, { name: null }, { name: 'Thing 1' }, { name: 'Thing 3' }],
      };
      expect(await thrice(keeping, '{ box { label things { name } } }', { box })).toBe(1);
      await backend.down();
      try {
        expect(await thrice(keeping, thing('1'), told('1'))).toBe(0);
      } finally {
        await backend.up();
      }
    });

    test('for no longer than that', async () => {
      await using keeping = await startThingsGateway(kind, backend, { settings: 'cache: { maxAge: 1s }\n' });
      await thrice(keeping, thing('1'), told('1'));
      await sleep(1100);
      expect(await thrice(keeping, thing('1'), told('1'))).toBe(1);
    });

    testIf(
      'caching headers',
      'what the backend says comes first, and counts without anything else',
      async () => {
        await using keeping = await startThingsGateway(kind, backend, {
          settings: 'cache: { maxAge: 60s }\n',
        });
        await using believing = await startThingsGateway(kind, backend, { settings: 'cache: {}\n' });
        try {
          for (const [said, calls, id] of [
            ['max-age=60', 1, '11'],
            ['max-age=0', 3, '12'],
            ['no-store', 3, '13'],
            ['private, max-age=60', 3, '14'],
          ] as const) {
            backend.things.cacheControl = said;
            expect([said, await thrice(keeping, thing(id), told(id))]).toEqual([said, calls]);
            expect([said, await thrice(believing, thing(id), told(id))]).toEqual([said, calls]);
          }
          backend.things.cacheControl = undefined;
          expect(await thrice(believing, thing('15'), told('15'))).toBe(3);
        } finally {
          backend.things.cacheControl = undefined;
        }
      },
    );

    test('never failures, what is not there, or changes', async () => {
      await using keeping = await startThingsGateway(kind, backend, {
        settings: 'dedupe: true\ncache: { maxAge: 60s }\nresilience: { breaker: { enabled: false } }\n',
      });
      for (const id of ['broken', 'denied', 'garbage', 'missing']) {
        // A GraphQL server that answers null has answered.
        const calls = kind === 'graphql' && id === 'missing' ? 1 : 3;
        expect([id, await thrice(keeping, thing(id), { thing: null })]).toEqual([id, calls]);
      }
      const rename = 'mutation { rename(id: "16", name: "Other") { name } }';
      expect(await thrice(keeping, rename, { rename: { name: 'Other' } })).toBe(3);
    });

    test('but what "not found" means is for each to say who asked: null to a lookup, a failure to another field', async () => {
      await using asked = await startThingsGateway(kind, backend, { settings: 'dedupe: true\n' });
      const [lookup, field] = [thing('missing'), '{ thing: expectedThing(id: "missing") { name } }'];
      const expected = kind === 'graphql' ? undefined : [['thing', 'UPSTREAM_NOT_FOUND', 'things']];
      for (const queries of [
        [lookup, field],
        [field, lookup],
      ]) {
        const answers = await Promise.all(queries.map((query) => asked.query('web', query)));
        for (const [index, { body }] of answers.entries()) {
          expect(body.data).toEqual({ thing: null });
          expect(body.errors && errorsOf(body)).toEqual(queries[index] === field ? expected : undefined);
        }
      }
    });

    testIf('forwarded headers', 'for each caller alone, where the backend is told who calls', async () => {
      await using keeping = await startThingsGateway(kind, backend, {
        settings: 'headers: { forward: [authorization] }\ncache: { maxAge: 60s }\ndedupe: true\n',
      });
      const as = async (caller: string) => {
        const before = backend.things.calls.length;
        const asked = await keeping.query('web', thing('1'), {
          headers: { authorization: `Basic ${caller}` },
        });
        expect(asked.body.data).toEqual(told('1'));
        return backend.things.calls.slice(before).map(({ headers }) => headers.authorization);
      };
      expect(await as('anna')).toEqual(['Basic anna']);
      expect(await as('bert')).toEqual(['Basic bert']);
      expect(await as('anna')).toEqual([]);
      expect(await as('bert')).toEqual([]);
    });

    testIf(
      'forwarded headers',
      'for each caller alone, in whatever way the backend is told who calls',
      async () => {
        const key = await newKey('k1');
        const tokens = { anna: await sign(key, { sub: 'anna' }), bert: await sign(key, { sub: 'bert' }) };
        const token = {
          issuer: 'https://hem.example',
          audience: kind,
          algorithm: 'HS256',
          key: SECRET.repeat(2),
        };
        for (const identity of [{ headers: { 'x-user': '{claims.sub}' } }, { token }, 'forward']) {
          await using keeping = await startThingsGateway(kind, backend, {
            settings: `identity: ${JSON.stringify(identity)}\ncache: { maxAge: 60s }\ndedupe: true\n`,
            files: { 'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }) },
          });
          const ask = async (caller: keyof typeof tokens | undefined) => {
            const headers: Record<string, string> =
              caller === undefined ? {} : { authorization: `Bearer ${tokens[caller]}` };
            expect((await keeping.query('web', thing('1'), { headers })).body.data).toEqual(told('1'));
          };
          // Once for each, and once for callers of whom nothing is told.
          expect(await callsOf(() => Promise.all([ask('anna'), ask('bert'), ask(undefined)]))).toBe(3);
          expect(await callsOf(() => Promise.all([ask('bert'), ask(undefined), ask('anna')]))).toBe(0);
        }
      },
    );

    test('only what fits', async () => {
      await using keeping = await startThingsGateway(kind, backend, {
        settings: 'cache: { maxAge: 60s, maxEntryBytes: 20KB }\n',
      });
      const large = '{ thing(id: "large") { id } }';
      // A GraphQL backend is asked for the id alone.
      const calls = kind === 'graphql' ? 1 : 3;
      expect(await thrice(keeping, large, { thing: { id: 'large' } })).toBe(calls);
    });

    test('until somebody says that it is out of date', async () => {
      await using keeping = await startThingsGateway(kind, backend, { settings: 'cache: { maxAge: 60s }\n' });
      await thrice(keeping, thing('1'), told('1'));
      const { adminUrl, adminToken } = keeping.gateway;
      const invalidated = await fetch(`${adminUrl}/api/cache/invalidate`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: '{"type":"Thing"}',
      });
      expect(invalidated.ok).toBe(true);
      expect(await thrice(keeping, thing('1'), told('1'))).toBe(1);
      const page = await (await fetch(`${adminUrl}/metrics`)).text();
      expect(page).toContain('hem_backend_cache_lookups_total{connector="things",outcome="hit"} 4');
      expect(page).toContain('hem_backend_cache_lookups_total{connector="things",outcome="miss"} 2');
      expect(page).toContain('hem_backend_cache_entries{connector="things"} 1');
    });
  });

  describe('what goes along', () => {
    test('static headers', async () => {
      await using decorated = await startThingsGateway(kind, backend, {
        settings: 'headers: { set: { x-tenant: north } }\n',
      });
      await decorated.query('web', '{ thing(id: "1") { id } }', { headers: { 'x-tenant': 'south' } });
      expect(backend.things.calls.at(-1)?.headers['x-tenant']).toBe('north');
    });

    testIf('forwarded headers', 'headers of the caller that are allowed, and no others', async () => {
      await using forwarding = await startThingsGateway(kind, backend, {
        settings: 'headers: { forward: [X-Trace, authorization] }\n',
      });
      await forwarding.query('web', '{ thing(id: "1") { id } }', {
        headers: {
          'x-trace': 'abc',
          authorization: 'Bearer mine',
          'x-other': 'no',
          cookie: 'no=1',
          'x-forwarded-for': '9.9.9.9',
        },
      });
      const { headers } = backend.things.calls.at(-1)!;
      expect(headers).toMatchObject({ 'x-trace': 'abc', authorization: 'Bearer mine' });
      for (const name of ['x-other', 'cookie', 'x-forwarded-for']) expect(headers).not.toHaveProperty(name);
      await forwarding.query('web', '{ thing(id: "1") { id } }');
      expect(backend.things.calls.at(-1)?.headers).not.toHaveProperty('x-trace');
    });

    testIf(
      'forwarded headers',
      'who calls: in headers, in a signed token, by the caller’s own token',
      async () => {
        const key = await newKey('k1');
        const token = await sign(key, { sub: 'ann' });
        const secret = 'a secret that two of us know, and nobody else';
        const start = (identity: unknown) =>
          startThingsGateway(kind, backend, {
            settings: `identity: ${JSON.stringify(identity)}\n`,
            files: { 'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }) },
          });
        const told = async (gateway: TestGateway, authorization: Record<string, string>) => {
          const headers = { 'x-user': 'admin', ...authorization };
          const { body } = await gateway.query('web', '{ thing(id: "1") { id } }', { headers });
          expect(body).toEqual({ data: { thing: { id: '1' } } });
          return backend.things.calls.at(-1)!.headers;
        };
        const known = { authorization: `Bearer ${token}` };

        await using inHeaders = await start({ headers: { 'X-User': 'user:{claims.sub}' } });
        expect(await told(inHeaders, known)).toMatchObject({ 'x-user': 'user:ann' });
        expect(await told(inHeaders, {})).not.toHaveProperty('x-user');

        await using signed = await start({
          token: { issuer: 'https://hem.example', audience: kind, algorithm: 'HS256', key: secret },
        });
        const [scheme, jwt] = String((await told(signed, known)).authorization).split(' ');
        const check = { issuer: 'https://hem.example', audience: kind };
        const { payload } = await jwtVerify(jwt!, new TextEncoder().encode(secret), check);
        expect([scheme, payload.sub]).toEqual(['Bearer', 'ann']);
        expect(await told(signed, {})).not.toHaveProperty('authorization');

        await using forwarding = await start('forward');
        expect(await told(forwarding, known)).toMatchObject(known);
        expect(await told(forwarding, {})).not.toHaveProperty('authorization');
      },
    );

    testIf(
      'forwarded headers',
      'another token in exchange for the caller’s, and never that one',
      async () => {
        const key = await newKey('k1');
        let status = 200;
        const asked: string[] = [];
        const issuer = createServer(async (request, response) => {
          asked.push((await request.toArray()).join(''));
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(
            JSON.stringify({ access_token: `other-${asked.length}`, token_type: 'Bearer', expires_in: 60 }),
          );
        }).listen(0, '127.0.0.1');
        await once(issuer, 'listening');
        const tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
        try {
          const identity = { exchange: { tokenUrl, clientId: 'hem', clientSecret: 'x', audience: kind } };
          await using gateway = await startThingsGateway(kind, backend, {
            settings: `identity: ${JSON.stringify(identity)}\n`,
            files: { 'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }) },
          });
          const call = async (sub: string) => {
            const headers = { authorization: `Bearer ${await sign(key, { sub })}` };
            return (await gateway.query('web', '{ thing(id: "1") { id } }', { headers })).body;
          };
          expect((await call('ann')).errors).toBeUndefined();
          expect(backend.things.calls.at(-1)!.headers.authorization).toBe('Bearer other-1');
          const before = backend.things.calls.length;
          status = 400;
          expect(errorsOf(await call('ben'))).toEqual([['thing', 'UPSTREAM_DENIED', 'things']]);
          status = 503;
          expect(errorsOf(await call('cleo'))).toEqual([['thing', 'UPSTREAM_UNAVAILABLE', 'things']]);
          expect(backend.things.calls.length).toBe(before);
        } finally {
          issuer.closeAllConnections();
          issuer.close();
        }
      },
    );

    testIf('basic', 'a name and a password', async () => {
      // RabbitMQ checks them; others only look.
      const credentials = { username: 'guest', password: 'guest' };
      await using known = await startThingsGateway(kind, backend, {
        settings: `auth: { basic: ${JSON.stringify(credentials)} }\n`,
      });
      expect((await known.query('web', '{ thing(id: "1") { id } }')).body.data).toEqual({
        thing: { id: '1' },
      });
      if (kind === 'amqp') return;
      const pair = Buffer.from('guest:guest').toString('base64');
      expect(backend.things.calls.at(-1)?.headers.authorization).toBe(`Basic ${pair}`);
    });

    testIf('bearer', 'a token', async () => {
      await using known = await startThingsGateway(kind, backend, {
        settings: 'auth: { bearer: { token: t0ken } }\n',
      });
      await known.query('web', '{ thing(id: "1") { id } }', { headers: { authorization: 'Bearer mine' } });
      expect(backend.things.calls.at(-1)?.headers.authorization).toBe('Bearer t0ken');
    });

    testIf('header', 'a key in a header', async () => {
      await using known = await startThingsGateway(kind, backend, {
        settings: 'auth: { header: { name: X-Api-Key, value: k3y } }\n',
      });
      await known.query('web', '{ thing(id: "1") { id } }');
      expect(backend.things.calls.at(-1)?.headers['x-api-key']).toBe('k3y');
    });

    testIf('oauth2', 'a token that is fetched once for many calls', async () => {
      let fetched = 0;
      const issuer = createServer((_request, response) => {
        fetched++;
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({ access_token: `token-${fetched}`, token_type: 'Bearer', expires_in: 3600 }),
        );
      }).listen(0, '127.0.0.1');
      await once(issuer, 'listening');
      const tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
      try {
        await using known = await startThingsGateway(kind, backend, {
          settings: `auth: { oauth2: { tokenUrl: "${tokenUrl}", clientId: hem, clientSecret: secret } }\n`,
        });
        const before = backend.things.calls.length;
        const ids = ['1', '2', '3', '4', '5'];
        await Promise.all(ids.map((id) => known.query('web', `{ thing(id: "${id}") { id } }`)));
        const seen = backend.things.calls.slice(before).map(({ headers }) => headers.authorization);
        expect(seen).toEqual(ids.map(() => 'Bearer token-1'));
        expect(fetched).toBe(1);
      } finally {
        issuer.closeAllConnections();
        issuer.close();
      }
    });

    testIf('TLS', 'a client certificate, to a server that is who it says', async () => {
      await using secure = await conforming.start({ tls: certificates.server });
      const askWith = async (tls: {
        ca?: string;
        certificate?: string;
        key?: string;
        serverName?: string;
      }) => {
        await using gateway = await startThingsGateway(kind, secure, {
          settings: `timeouts: { connect: 2s, request: 3s }\ntls: ${JSON.stringify(tls)}\n`,
        });
        const { body } = await gateway.query('web', '{ thing(id: "1") { id } }');
        return body.data.thing?.id ?? body.errors?.[0]?.extensions.code;
      };
      const { ca, certificate, key } = certificates.client;
      const serverName = 'things.internal';
      expect(await askWith({ ca, certificate, key, serverName })).toBe('1');
      // By the address that the endpoint has.
      expect(await askWith({ ca, certificate, key })).toBe('1');
      expect(await askWith({ ca, serverName })).toBe('UPSTREAM_UNAVAILABLE');
      expect(await askWith({ ...certificates.stranger, ca, serverName })).toBe('UPSTREAM_UNAVAILABLE');
      expect(await askWith({ ca, certificate, key, serverName: 'other.internal' })).toBe(
        'UPSTREAM_UNAVAILABLE',
      );
      expect(await askWith({ certificate, key, serverName })).toBe('UPSTREAM_UNAVAILABLE');
    });
  });

  describe('subscriptions', () => {
    testIf(
      'subscriptions',
      'deliver what is selected of each event, and end at the backend when the caller leaves',
      async () => {
        const events = gateway.subscribe(
          'web',
          'subscription { thingChanged(id: "1") { id name parts(first: 1) { name } } }',
        );
        const first = await firstEvent(events, () => backend.emit!('1', 'Changed'));
        expect(first.errors).toBeUndefined();
        expect(first.data.thingChanged).toMatchObject({ id: '1', parts: [{ name: '1-1' }] });
        await events.return?.();
        await until(async () => (await backend.listeners!()) === 0);
      },
    );

    testIf('subscriptions', 'go on after an outage, with a gap that is told', async () => {
      const events = gateway.subscribe('web', 'subscription { thingChanged(id: "1") { name } }');
      await firstEvent(events, () => backend.emit!('1', 'Before'));
      const later = eventThat(
        events,
        ({ data, errors }) => data?.thingChanged?.name === 'After' || errors !== undefined,
      );
      await backend.down();
      await backend.up();
      const gap = await later;
      expect(gap.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_GAP', connector: 'things' });
      const after = eventThat(events, ({ data }) => data?.thingChanged?.name === 'After');
      await until(async () => {
        await backend.emit!('1', 'After');
        return (await Promise.race([after, sleep(50)])) !== undefined;
      });
      await events.return?.();
      await until(async () => (await backend.listeners!()) === 0);
    });

    test('are refused when loading where there are none', async (context) => {
      const reason = conforming.lacks.subscriptions;
      if (reason === undefined) context.skip('this kind has subscriptions');
      await expect(
        startThingsGateway(kind, {
          ...backend,
          bindings: { ...backend.bindings, thingChanged: backend.bindings.thing },
        }),
      ).rejects.toThrow();
    });
  });
});

/** [path, code, connector] of each error. */
function errorsOf({ errors = [] }: GraphQLBody) {
  return errors.map(({ path = [], extensions }) => [path.join('.'), extensions.code, extensions.connector]);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + SOON_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It did not happen within ${SOON_MS} ms: ${condition}`);
    await sleep(20);
  }
}

/** Emits again and again until an event comes: subscriptions do not say when they have begun. */
async function firstEvent(
  events: AsyncIterator<GraphQLBody>,
  emit: () => void | Promise<void>,
): Promise<GraphQLBody> {
  const next = eventThat(events, () => true);
  let first: GraphQLBody | undefined;
  await until(async () => {
    await emit();
    first = (await Promise.race([next, sleep(50)])) ?? undefined;
    return first !== undefined;
  });
  return first!;
}

async function eventThat(
  events: AsyncIterator<GraphQLBody>,
  fits: (event: GraphQLBody) => boolean,
): Promise<GraphQLBody> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error('the subscription ended');
    if (fits(value)) return value;
  }
}

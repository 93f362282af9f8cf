/** `extensions.plan`: how an operation was executed, for callers who ask where client.yml lets them; at every door, and nobody else's affair. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { type GraphQLBody, startGateway, type TestGateway, writeConfiguration } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';
import { type Answer, ask, post } from './ask.ts';
import { EventReader } from './event-reader.ts';
import { PartReader } from './part-reader.ts';
import { MOVED, RawSocket, type RidersGateway, startRiders } from './riders.ts';
import { type Shops, startShops, TAKES_MS } from './shops.ts';

const ASKED = { 'hem-plan': '1' };
const QUERY = '{ shop(id: "1") { name items visitors } }';
const LIST = '{ shops { name items visitors } }';

interface TimedStep {
  readonly id: string;
  readonly readyMs: number;
  readonly startMs: number;
  readonly answeredMs: number;
  readonly endMs: number;
  readonly objects: number;
  readonly calls: number;
  readonly failed: number;
  readonly unfound: number;
  readonly field: string;
}

interface Plan {
  readonly engine: string;
  readonly reason?: string;
  readonly waterfall: readonly string[];
  readonly timeline: {
    readonly totalMs: number;
    readonly calls: number;
    readonly phases: ReadonlyArray<{ phase: string; startMs: number; endMs: number; cached: boolean }>;
    readonly steps: readonly TimedStep[];
  };
  readonly steps?: readonly unknown[];
}

let shops: Shops;
let gateway: TestGateway;
let closed: TestGateway;
let riders: RidersGateway;
beforeAll(async () => {
  shops = await startShops();
  gateway = await startGateway(shops.files('explain: true\nbatching: { max: 3 }'));
  closed = await startGateway(shops.files('batching: { max: 3 }'));
  riders = await startRiders({ client: 'explain: true' });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
  await shops[Symbol.asyncDispose]();
  await riders[Symbol.asyncDispose]();
});

function planOf({ extensions }: GraphQLBody): Plan {
  expect(extensions).toHaveProperty('plan');
  return extensions!.plan as Plan;
}

function stepOf({ timeline }: Plan, id: string): TimedStep {
  const step = timeline.steps.find((one) => one.id === id);
  if (step === undefined) throw new Error(`no step ${id} among ${JSON.stringify(timeline.steps)}`);
  return step;
}

async function planFor(query: string, more: object = {}): Promise<Plan> {
  return planOf((await post(gateway, { query, ...more }, ASKED)).body);
}

describe('who asks', () => {
  const WAYS: ReadonlyArray<readonly [string, (from: TestGateway) => Promise<Answer>]> = [
    ['a header', (from) => post(from, { query: QUERY }, { ...ASKED, 'x-request-id': 'same' })],
    [
      'an extension',
      (from) => post(from, { query: QUERY, extensions: { plan: true } }, { 'x-request-id': 'same' }),
    ],
    [
      'GET',
      (from) =>
        ask(from, {
          search: `?query=${encodeURIComponent(QUERY)}`,
          headers: { accept: 'application/graphql-response+json', 'x-request-id': 'same', ...ASKED },
        }),
    ],
    [
      'the broad door',
      (from) =>
        post(
          from,
          { query: QUERY },
          { 'content-type': 'application/graphql+json', 'x-request-id': 'same', ...ASKED },
        ),
    ],
  ];

  it.each(WAYS)('by %s, may: the answer is the same, with the plan beside it', async (_way, send) => {
    const { body, status } = await send(gateway);
    const plan = planOf(body);
    expect([status, body.data]).toEqual([200, { shop: { name: 'Shop 1', items: 7, visitors: 12 } }]);
    expect(Object.keys(body)).toEqual(['data', 'extensions']);
    expect(plan.timeline.calls).toBe(3);
  });

  it.each(WAYS)('by %s, may not unless client.yml says so: not a byte is different', async (_way, send) => {
    const plain = await post(closed, { query: QUERY }, { 'x-request-id': 'same' });
    const asked = await send(closed);
    expect([asked.status, asked.text]).toEqual([200, plain.text]);
    expect(plain.text).toBe('{"data":{"shop":{"name":"Shop 1","items":7,"visitors":12}}}');
  });

  it('does not get it without asking, nor for an operation that says no', async () => {
    const { text } = await post(gateway, { query: QUERY });
    expect(text).toBe('{"data":{"shop":{"name":"Shop 1","items":7,"visitors":12}}}');
    expect((await post(gateway, { query: QUERY }, { 'hem-plan': '0' })).text).toBe(text);
    expect((await post(gateway, { query: QUERY, extensions: { plan: false } }, ASKED)).text).toBe(text);
    expect((await post(gateway, { query: QUERY, extensions: { plan: 'yes' } })).text).toBe(text);
  });

  it('gets none for what is refused before it runs', async () => {
    for (const query of ['{', '{ nothing }', 'query ($id: ID!) { shop(id: $id) { id } }'])
      expect((await post(gateway, { query }, ASKED)).body).toEqual({ errors: [expect.anything()] });
  });

  it('asks for a whole batch, or for one of it', async () => {
    const batch = [{ query: QUERY }, { query: '{ shops { id } }' }];
    const both = (await post(gateway, batch, ASKED)).body as unknown as readonly GraphQLBody[];
    expect(both.map((body) => planOf(body).timeline.calls)).toEqual([3, 1]);
    const one = [{ query: QUERY }, { query: '{ shops { id } }', extensions: { plan: true } }];
    const [first, second] = (await post(gateway, one)).body as unknown as readonly GraphQLBody[];
    expect(first).not.toHaveProperty('extensions');
    expect(planOf(second!).timeline.calls).toBe(1);
  });

  it('asks on a websocket, per operation or with the upgrade', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', QUERY, { extensions: { plan: true } });
    const { payload } = await socket.until(({ id }) => id === 'a');
    expect(planOf(payload as GraphQLBody).timeline.calls).toBe(3);
    socket.subscribe('b', QUERY);
    expect((await socket.until(({ id }) => id === 'b')).payload).not.toHaveProperty('extensions');
    await using asking = await RawSocket.open(gateway, ASKED);
    asking.subscribe('a', QUERY);
    expect(planOf((await asking.until(({ id }) => id === 'a')).payload as GraphQLBody).timeline.calls).toBe(
      3,
    );
  });
});

it('both doors over HTTP say the same, but for the times', async () => {
  const send = async (contentType: string) => {
    const { body } = await post(gateway, { query: QUERY }, { 'content-type': contentType, ...ASKED });
    const { waterfall, ...plan } = planOf(body);
    return {
      plan: JSON.stringify(plan).replace(/Ms":[\d.]+/g, 'Ms":0'),
      rows: waterfall.slice(2).map((line) => line.slice(0, 20).trim()),
    };
  };
  await send('application/json');
  expect(await send('application/json')).toEqual(await send('application/graphql+json'));
});

it('is what hem explain says, and the time line speaks of the same steps', async () => {
  const directory = await writeConfiguration({
    ...shops.files('explain: true').files,
    'clients/web/operations/shop.graphql': `query Shop ${QUERY}`,
  });
  try {
    const { code, output } = await runCommand(
      [
        process.execPath,
        join('src', 'main.ts'),
        'explain',
        '--config',
        directory,
        '--format',
        'json',
        'web',
        'Shop',
      ],
      { env: { PATH: process.env.PATH }, deadlineMs: 30_000 },
    );
    expect(code).toBe(0);
    const { waterfall, timeline, ...plan } = await planFor(`query Shop ${QUERY}`);
    expect(plan).toEqual(JSON.parse(output));
    const idsOf = (steps: readonly unknown[]): string[] =>
      (steps as ReadonlyArray<{ id: string; steps: readonly unknown[] }>).flatMap(({ id, steps: below }) => [
        id,
        ...idsOf(below),
      ]);
    expect(timeline.steps.map(({ id }) => id).sort()).toEqual(idsOf(plan.steps!).sort());
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);

describe('the time line', () => {
  it('has what waits after what it waits for', async () => {
    const plan = await planFor(LIST);
    const [shop, stock, visitors] = ['1', '1.1', '1.2'].map((id) => stepOf(plan, id)) as [
      TimedStep,
      TimedStep,
      TimedStep,
    ];
    // Timers may be a little early.
    expect(shop.answeredMs - shop.startMs).toBeGreaterThan(TAKES_MS.shops - 3);
    expect(stock.answeredMs - stock.startMs).toBeGreaterThan(TAKES_MS.stock - 3);
    expect(visitors.answeredMs - visitors.startMs).toBeGreaterThan(TAKES_MS.weather - 3);
    for (const below of [stock, visitors]) {
      expect(below.readyMs).toBeGreaterThanOrEqual(shop.answeredMs);
      expect(below.endMs).toBeLessThanOrEqual(shop.endMs);
      expect(below.startMs).toBeGreaterThanOrEqual(below.readyMs);
    }
    expect(visitors.startMs).toBeGreaterThanOrEqual(stock.endMs);
    expect(visitors.startMs - visitors.readyMs).toBeGreaterThan(TAKES_MS.stock - 3);
    expect(plan.timeline.totalMs).toBeGreaterThanOrEqual(shop.endMs);
    expect(plan.timeline.totalMs).toBeGreaterThan(TAKES_MS.shops + TAKES_MS.stock + TAKES_MS.weather - 9);
  });

  it('has what is asked ahead beside the call that is given its key', async () => {
    const plan = await planFor(QUERY);
    const [shop, stock, visitors] = ['1', '1.1', '1.2'].map((id) => stepOf(plan, id)) as [
      TimedStep,
      TimedStep,
      TimedStep,
    ];
    expect(plan.steps).toMatchObject([
      {
        steps: [
          { id: '1.1', ahead: true },
          { id: '1.2', after: ['1.1'] },
        ],
      },
    ]);
    expect([shop, stock, visitors].map(({ objects, calls }) => [objects, calls])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect(stock.startMs).toBeLessThan(shop.answeredMs);
    expect(stock.readyMs).toBeGreaterThanOrEqual(shop.answeredMs);
    expect(stock.answeredMs - stock.startMs).toBeGreaterThan(TAKES_MS.stock - 3);
    expect(visitors.startMs).toBeGreaterThanOrEqual(stock.endMs);
  });

  it('counts what was asked ahead for something that is not there', async () => {
    const before = shops.requests();
    const { body } = await post(gateway, { query: '{ shop(id: "0") { name items } shops { id } }' }, ASKED);
    expect(body.data.shop).toBeNull();
    const plan = planOf(body);
    expect(plan.timeline.calls).toBe(3);
    expect(shops.requests() - before).toBe(3);
    expect(stepOf(plan, '1.1')).toMatchObject({ objects: 0, calls: 1, failed: 0 });
  });

  it('counts what was asked ahead by another key than the record has', async () => {
    const plan = await planFor('{ shop(id: "01") { id items } }');
    const [shop, stock] = [stepOf(plan, '1'), stepOf(plan, '1.1')];
    expect(stock).toMatchObject({ objects: 1, calls: 2, failed: 0 });
    expect(stock.answeredMs).toBeGreaterThan(shop.answeredMs + TAKES_MS.stock - 3);
  });

  it('counts objects, calls and failures', async () => {
    const before = shops.requests();
    const { body } = await post(gateway, { query: '{ shops { id items visitors } }' }, ASKED);
    expect(body.errors).toMatchObject([{ path: ['shops', 2, 'visitors'] }]);
    const plan = planOf(body);
    const counts = ['1', '1.1', '1.2'].map((id) => stepOf(plan, id));
    expect(counts.map(({ objects, calls, failed }) => [objects, calls, failed])).toEqual([
      [1, 1, 0],
      [3, 1, 0],
      [3, 3, 1],
    ]);
    expect(plan.timeline.calls).toBe(shops.requests() - before);
    expect(plan.waterfall.at(-3)).toMatch(/weather visitors .*3 for 3, 1 failed$/);
  });

  it.each(['compiled', 'reference'])('says where "select" found nothing: %s', async (engine) => {
    await using backend = await startJsonBackend(({ path }) => (path === '/none' ? null : { items: [1] }));
    const view = 'type Query { right: [Int] wrong: [Int] none: [Int] }';
    await using mapped = await startGateway({
      files: {
        'connectors/list/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/list/schema.graphql': `type Query {
          right: [Int] @rest(get: "/", select: "items")
          wrong: [Int] @rest(get: "/", select: "data.items")
          none: [Int] @rest(get: "/none", select: "items")
        }`,
        'clients/web/client.yml': `{ explain: true, engine: ${engine} }`,
        'schemas/web.graphql': view,
      },
    });
    const { body } = await post(mapped, { query: '{ right wrong none }' }, ASKED);
    expect(body.data).toEqual({ right: [1], wrong: null, none: null });
    const { timeline, waterfall } = planOf(body);
    const unfound = timeline.steps.map(({ field, unfound }) => [field, unfound]);
    expect(Object.fromEntries(unfound)).toEqual({ 'Query.right': 0, 'Query.wrong': 1, 'Query.none': 0 });
    expect(waterfall.filter((line) => line.endsWith('1, nothing at select'))).toHaveLength(1);
    const later = await PartReader.open(mapped, '{ right ... @defer { wrong } }', { headers: ASKED });
    expect(JSON.stringify(await later.rest())).not.toContain('"unfound":2');
  });

  it('says what was done for an earlier request, phases in their order', async () => {
    const query = '{ shop(id: "7") { name } }';
    const [first, second] = [await planFor(query), await planFor(query)];
    const cached = ({ timeline }: Plan) => timeline.phases.map(({ phase, cached }) => [phase, cached]);
    expect(cached(first)).toEqual([
      ['document', false],
      ['variables', false],
      ['plan', false],
      ['projection', false],
    ]);
    expect(cached(second)).toEqual([
      ['document', true],
      ['variables', false],
      ['plan', true],
      ['projection', false],
    ]);
    const times = second.timeline.phases.flatMap(({ startMs, endMs }) => [startMs, endMs]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeLessThanOrEqual(second.timeline.totalMs);
  });

  it('reads as lines that fit beside an editor', async () => {
    const { waterfall } = await planFor(`query Shops ${LIST}`);
    const shape = waterfall.map((line) => line.replace(/\d+(\.\d+)?/g, '0').replace(/[·█░]+/g, '~'));
    expect(shape[0]).toBe('web ~ Shops: 0 ms, 0 calls');
    expect(shape.map((line) => line.replace(/\s+/g, ' ').trim().split(' ~')[0])).toEqual([
      'web',
      '0 0 ms calls',
      'document',
      'variables',
      'plan',
      '0 shops shops',
      '0 stock Shop',
      '0 weather visitors',
      'projection',
      '~ waits to start',
    ]);
    for (const line of waterfall) expect(line.length).toBeLessThanOrEqual(70);
    // The call that waits is drawn waiting while the other asks.
    const bar = (label: string) => waterfall.find((line) => line.includes(label))!.slice(22, 40);
    const from = bar('stock Shop').indexOf('█');
    expect(bar('weather visitors').slice(from, from + 4)).toBe('····');
  });

  it('keeps the ids of steps whatever @skip and @include leave out', async () => {
    const query = `query ($names: Boolean!, $later: Boolean!) {
      a: shop(id: "1") @include(if: $names) { name }
      b: shop(id: "1") @include(if: $later) { visitors shelves }
      c: shop(id: "1") { shelves visitors @skip(if: $later) }
    }`;
    const of = (names: boolean, later: boolean) => planFor(query, { variables: { names, later } });
    const all = await of(true, true);
    const fieldsOf = ({ timeline }: Plan) =>
      new Map(timeline.steps.map((step) => [step.id, (step as unknown as { field: string }).field]));
    const known = fieldsOf(all);
    const byId = new Map<string, string>();
    const collect = (steps: readonly unknown[]) => {
      for (const step of steps as ReadonlyArray<{ id: string; field: string; steps: readonly unknown[] }>) {
        byId.set(step.id, step.field);
        collect(step.steps);
      }
    };
    collect(all.steps!);
    for (const plan of [all, await of(false, true), await of(true, false), await of(false, false)]) {
      const { waterfall: _w, timeline: _t, ...description } = plan;
      const { waterfall: _w2, timeline: _t2, ...first } = all;
      expect(description).toEqual(first);
      for (const [id, field] of fieldsOf(plan)) expect(byId.get(id)).toBe(field);
    }
    expect(known.size).toBeGreaterThan(3);
    const least = await of(false, false);
    expect(least.timeline.steps.length).toBeLessThan(all.timeline.steps.length);
    // The third root field is the third step also where it is the only one.
    expect(least.timeline.steps[0]?.id).toBe(
      (all.steps as ReadonlyArray<{ id: string; label: string }>).find(({ label }) => label === 'c')?.id,
    );
  });

  it('of a mutation has its fields one after the other', async () => {
    const plan = await planFor('mutation { a: open(id: "1") { items } b: open(id: "2") { name } }');
    const [first, second] = [stepOf(plan, '1'), stepOf(plan, '2')];
    expect(second.startMs).toBeGreaterThanOrEqual(first.endMs);
    expect(second.startMs - second.readyMs).toBeGreaterThan(TAKES_MS.shops + TAKES_MS.stock - 6);
    expect(plan.steps).toMatchObject([{ after: [] }, { after: ['1'] }]);
  });

  it('holds nothing of what was asked, sent or answered', async () => {
    const query =
      'query ($id: ID!) { shop(id: $id) { name items visitors } other: shop(id: "literal-9") { name } }';
    const headers = { ...ASKED, 'x-tenant': 'tenant-7', authorization: 'Bearer token-8' };
    const { body } = await post(gateway, { query, variables: { id: '3' } }, headers);
    expect(body.errors).toHaveLength(1);
    const text = JSON.stringify(planOf(body));
    expect(text).not.toMatch(/literal-9|tenant-7|token-8|Shop 3|db\.internal|127\.0\.0\.1|localhost/);
  });
});

describe('a subscription', () => {
  it('over a websocket has the time line of each event', async () => {
    await using socket = await RawSocket.open(riders.gateway);
    socket.subscribe('a', MOVED, { extensions: { plan: true } });
    await riders.backend.untilSubscribers(1);
    riders.backend.move('1', 'Ann');
    const { payload } = await socket.until(({ id }) => id === 'a');
    expect((payload as GraphQLBody).data).toEqual({ riderMoved: { name: 'Ann' } });
    const plan = planOf(payload as GraphQLBody) as Plan & { operation: string; worstCase: object };
    expect(plan).toMatchObject({
      engine: 'compiled',
      operation: 'subscription',
      worstCase: { calls: 0 },
      steps: [{ id: '1', kind: 'stream', call: 'subscription riderMoved' }],
      timeline: { calls: 0, phases: [{ phase: 'projection' }], steps: [] },
    });
    socket.send({ type: 'complete', id: 'a' });
    await riders.backend.untilSubscribers(0);
  });

  it('over server-sent events, too', async () => {
    const response = await riders.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...ASKED },
      body: JSON.stringify({ query: 'subscription { ticks(count: 2) }' }),
    });
    const events = (await new EventReader(response).rest()).filter(({ event }) => event === 'next');
    expect(events.map(({ data }) => planOf(data!).engine)).toEqual(['compiled', 'compiled']);
  });
});

it('an answer in parts has it with its last part', async () => {
  const query = '{ shops { name } ... @defer { shop(id: "1") { items visitors } } }';
  const reader = await PartReader.open(gateway, query, { headers: ASKED });
  const [first, ...later] = await reader.rest();
  expect(first).not.toHaveProperty('extensions');
  const plan = planOf(later.at(-1) as GraphQLBody);
  expect(plan).toMatchObject({ engine: 'reference', reason: expect.stringContaining('one answer') });
  expect(plan.timeline.calls).toBe(4);
  // In one answer the plan ran, and what is deferred is a part of it.
  expect(await planFor(query)).toMatchObject({
    engine: 'compiled',
    inParts: { engine: 'reference', deferred: 1 },
    timeline: { calls: 4 },
  });
  const silent = await PartReader.open(gateway, query);
  for (const part of await silent.rest()) expect(part).not.toHaveProperty('extensions');
});

describe('the reference engine', () => {
  it('says that it ran and why, where client.yml chose it, and which calls it made', async () => {
    await using slow = await startGateway(shops.files('explain: true\nengine: reference'));
    const { body } = await post(slow, { query: '{ shops { items visitors } }' }, ASKED);
    expect(body.errors).toHaveLength(1);
    const plan = planOf(body);
    expect(plan).toMatchObject({
      engine: 'reference',
      reason: 'clients/web/client.yml says "engine: reference"',
    });
    expect(plan).not.toHaveProperty('steps');
    expect(
      plan.timeline.steps.map((step) => {
        const { id, field, objects, calls, failed } = step as TimedStep & { field: string };
        return [id, field, objects, calls, failed];
      }),
    ).toEqual([
      ['1', 'Query.shops', 1, 1, 0],
      ['2', 'Query.stockOf', 3, 1, 0],
      ['3', 'Shop.visitors', 3, 3, 1],
    ]);
    expect(plan.waterfall[0]).toMatch(/on the reference engine: [\d.]+ ms, 5 calls$/);
  });

  it('says why an operation was not compiled', async () => {
    const plan = await planFor('{ __schema { queryType { name } } shop(id: "1") { name } }');
    expect(plan).toMatchObject({ engine: 'reference', reason: 'introspection (__schema)' });
    expect(plan.timeline.calls).toBe(1);
    // Left out, it does not stand in the way.
    const query =
      'query ($all: Boolean!) { __schema @include(if: $all) { queryType { name } } shop(id: "1") { name } }';
    expect((await planFor(query, { variables: { all: true } })).engine).toBe('reference');
    expect((await planFor(query, { variables: { all: false } })).engine).toBe('compiled');
  });
});

/** `@defer` and `@stream` over real connections: which part comes when, and what is in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeParts, type ReceivedPart } from '../support/merge-parts.ts';
import { PartReader } from './part-reader.ts';
import { open as openRaw } from './raw-http.ts';
import { RawSocket } from './riders.ts';
import { type Shop, startShop } from './shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const open = (query: string, asking = {}) => PartReader.open(shop.gateway, query, asking);

const SLOW = '{ item(id: "1") { name ... @defer(label: "more") { details { text } } } }';
const FIRST = {
  data: { item: { name: 'item 1' } },
  pending: [{ id: '0', path: ['item'], label: 'more' }],
  hasNext: true,
};
const SECOND = {
  incremental: [{ id: '0', data: { details: { text: 'about 1' } } }],
  completed: [{ id: '0' }],
  hasNext: false,
};

describe('a deferred fragment', () => {
  it.each([
    ['multipart/mixed;incrementalSpec=v0.2', 'multipart/mixed; boundary="-"; incrementalSpec=v0.2'],
    ['text/event-stream', 'text/event-stream'],
  ])('comes after the rest, as %s', async (accept, type) => {
    shop.hold('/details/1');
    const reader = await open(SLOW, { accept });
    expect(reader.response.status).toBe(200);
    expect(reader.contentType).toBe(type);
    expect(reader.response.headers.get('cache-control')).toBe('no-store');
    expect(await reader.next()).toEqual(FIRST);
    await shop.untilWaiting('/details/1');
    shop.release('/details/1');
    expect(await reader.next()).toEqual(SECOND);
    expect(await reader.next()).toBeUndefined();
  });

  it.each(['GET', 'POST'] as const)(
    'is asked for by %s, whatever the media type of the request',
    async (method) => {
      const reader = await open(SLOW, { method, contentType: 'application/graphql+json' });
      expect(await reader.rest()).toEqual([FIRST, SECOND]);
    },
  );

  it('comes as a further `next` over a websocket, before `complete`', async () => {
    await using socket = await RawSocket.open(shop.gateway);
    shop.hold('/details/1');
    socket.subscribe('a', SLOW);
    expect(await socket.until(({ type }) => type === 'next')).toEqual({
      id: 'a',
      type: 'next',
      payload: FIRST,
    });
    expect(socket.received).toHaveLength(2);
    shop.release('/details/1');
    expect(await socket.until(({ type }) => type === 'complete')).toEqual({ id: 'a', type: 'complete' });
    expect(socket.received.slice(1).map(({ payload }) => payload)).toEqual([FIRST, SECOND, undefined]);
  });

  it('keeps nothing of the rest waiting, also where both would be one call', async () => {
    const before = shop.asked.length;
    shop.hold('/stock?ids=2');
    const reader = await open('{ item(id: "1") { amount } ... @defer { other: item(id: "2") { amount } } }');
    const first = (await reader.next())!;
    expect(first).toMatchObject({ data: { item: { amount: 100 } }, hasNext: true });
    await shop.untilWaiting('/stock?ids=2');
    shop.release('/stock?ids=2');
    expect(mergeParts([first, ...(await reader.rest())]).data).toEqual({
      item: { amount: 100 },
      other: { amount: 200 },
    });
    expect(shop.asked.slice(before)).toContain('/stock?ids=1');
  });

  it('of a mutation comes after it', async () => {
    const parts = await (
      await open('mutation { touch(id: "1") { id ... @defer { details { text } } } }')
    ).rest();
    expect(parts).toHaveLength(2);
    expect(mergeParts(parts).data).toEqual({ touch: { id: '1', details: { text: 'about 1' } } });
  });

  it('inside another is announced when that has come', async () => {
    const parts = await (
      await open(
        '{ item(id: "1") { name ... @defer(label: "a") { details { text ... @defer(label: "b") { similar { id } } } } } }',
      )
    ).rest();
    expect(parts.map(({ pending = [] }) => pending.map(({ label, path }) => [label, path]))).toEqual([
      [['a', ['item']]],
      [['b', ['item', 'details']]],
      [],
    ]);
    expect(mergeParts(parts).data).toEqual({
      item: { name: 'item 1', details: { text: 'about 1', similar: [{ id: '7' }, { id: '8' }] } },
    });
  });

  it('of every item of a list is fetched for all of them in one call where the backend offers that', async () => {
    const before = shop.asked.length;
    const parts = await (await open('{ items(first: 3) { id ... @defer { amount } } }')).rest();
    expect(parts[0]?.pending).toHaveLength(3);
    expect(mergeParts(parts).data).toEqual({
      items: [1, 2, 3].map((id) => ({ id: String(id), amount: id * 100 })),
    });
    expect(shop.asked.slice(before)).toEqual(['/items?first=3', '/stock?ids=1,2,3']);
  });

  it('that holds only what came with the rest costs no call', async () => {
    const before = shop.asked.length;
    expect(
      mergeParts(await (await open('{ item(id: "1") { id ... @defer { name tags } } }')).rest()).data,
    ).toEqual({
      item: { id: '1', name: 'item 1', tags: ['a', 'b', 'c'] },
    });
    expect(shop.asked.slice(before)).toEqual(['/items/1']);
  });

  it('on what is null comes to nothing: the answer is one, in the media type for that', async () => {
    const reader = await open('{ failing { ... @defer { id } } }', {
      accept: 'multipart/mixed;incrementalSpec=v0.2, application/graphql-response+json',
    });
    expect(reader.response.status).toBe(294);
    expect(await reader.rest()).toMatchObject([{ data: { failing: null }, errors: [{ path: ['failing'] }] }]);
  });
});

describe('errors in a deferred fragment', () => {
  const partsOf = async (query: string) => (await open(query)).rest();

  it('have code, connector and request id, and no text of the backend', async () => {
    const reader = await open('{ item(id: "broken") { id ... @defer { details { text } } } }', {
      headers: { 'x-request-id': 'mine' },
    });
    const [, second] = await reader.rest();
    expect(second).toEqual({
      incremental: [
        {
          id: '0',
          data: { details: null },
          errors: [
            {
              message: expect.stringContaining('(items)'),
              locations: [{ line: 1, column: 40 }],
              path: ['item', 'details'],
              extensions: {
                code: 'UPSTREAM_FAILED',
                connector: 'items',
                coordinate: 'Item.details',
                status: '500',
                requestId: 'mine',
              },
            },
          ],
        },
      ],
      completed: [{ id: '0' }],
      hasNext: false,
    });
    expect(JSON.stringify(second)).not.toContain('secret');
  });

  it('that leave no null to put up with fail the fragment, and nothing of the rest', async () => {
    const parts = await partsOf('{ item(id: "bad") { id ... @defer { name must } ... @defer { tags } } }');
    const { data, failed } = mergeParts(parts);
    expect(data).toEqual({ item: { id: 'bad', tags: ['a', 'b', 'c'] } });
    expect(failed).toEqual([
      {
        path: ['item'],
        errors: [
          expect.objectContaining({
            path: ['item', 'must'],
            extensions: expect.objectContaining({
              code: 'UPSTREAM_INVALID',
              connector: 'items',
              requestId: expect.any(String),
            }),
          }),
        ],
      },
    ]);
  });

  it('stop at the next nullable field within the fragment', async () => {
    const { data, errors, failed } = mergeParts(
      await partsOf('{ item(id: "bad") { id ... @defer { details { strict } name } } }'),
    );
    expect(data).toEqual({ item: { id: 'bad', details: null, name: 'item bad' } });
    expect(errors.map(({ path }) => path)).toEqual([['item', 'details', 'strict']]);
    expect(failed).toEqual([]);
  });

  it('take a fallback where there is one, and `extensions.fallbacks` says so with the part that has it', async () => {
    const parts = await partsOf(
      '{ a: item(id: "broken") { price ... @defer { again: price details { text } } } b: item(id: "broken") { ... @defer { price } } }',
    );
    const { data, extensions } = mergeParts(parts);
    expect(data).toEqual({ a: { price: -1, again: -1, details: null }, b: { price: -1 } });
    const trace = { coordinate: 'Item.price', connector: 'items', code: 'UPSTREAM_FAILED' };
    expect(parts[0]?.extensions).toEqual({ fallbacks: [trace] });
    expect(extensions).toEqual({ fallbacks: [trace] });
  });
});

describe('a streamed list', () => {
  it('begins with the items asked for, and the others come when they are there', async () => {
    shop.hold('/details/3');
    const reader = await open(
      '{ items(first: 14) @stream(initialCount: 2, label: "rest") { id details { text } } }',
    );
    const whole = (id: number) => ({ id: String(id), details: { text: `about ${id}` } });
    expect(await reader.next()).toEqual({
      data: { items: [whole(1), whole(2)] },
      pending: [{ id: '0', path: ['items'], label: 'rest' }],
      hasNext: true,
    });
    await shop.untilWaiting('/details/3');
    await sleep(20);
    shop.release('/details/3');
    const parts = await reader.rest();
    const items = parts.flatMap(({ incremental = [] }) => incremental.flatMap((one) => one.items ?? []));
    expect(items).toEqual(Array.from({ length: 12 }, (_, index) => whole(index + 3)));
    expect(parts.at(-1)).toMatchObject({ completed: [{ id: '0' }], hasNext: false });
  });

  it('waits with no item for a later one that has a call of its own', async () => {
    shop.hold('/details/5');
    const reader = await open('{ items(first: 6) @stream(initialCount: 1) { details { text } } }');
    await reader.next();
    const early: unknown[] = [];
    while (early.length < 3) {
      const { incremental = [] } = (await reader.next())!;
      early.push(...incremental.flatMap(({ items = [] }) => items));
    }
    expect(early).toEqual([2, 3, 4].map((id) => ({ details: { text: `about ${id}` } })));
    shop.release('/details/5');
    expect((await reader.rest()).at(-1)).toMatchObject({ hasNext: false });
  });

  it('asks for its items in batches, not one by one', async () => {
    const before = shop.asked.length;
    const parts = await (await open('{ items(first: 25) @stream(initialCount: 5) { amount } }')).rest();
    expect(mergeParts(parts).data).toEqual({
      items: Array.from({ length: 25 }, (_, index) => ({ amount: (index + 1) * 100 })),
    });
    // The order in which batches arrive is the network's.
    expect(shop.asked.slice(before).sort()).toEqual([
      '/items?first=25',
      '/stock?ids=1,2,3,4,5',
      '/stock?ids=16,17,18,19,20,21,22,23,24,25',
      '/stock?ids=6,7,8,9,10,11,12,13,14,15',
    ]);
  });

  it.each([
    ['no item to begin with', '{ items(first: 3) @stream { id } }', 0],
    ['more to begin with than there are', '{ items(first: 3) @stream(initialCount: 9) { id } }', 3],
    ['as many to begin with as there are', '{ items(first: 3) @stream(initialCount: 3) { id } }', 3],
  ])('with %s', async (_what, query, initial) => {
    const parts = await (await open(query)).rest();
    expect(parts[0]?.data.items).toHaveLength(initial);
    expect(mergeParts(parts).data).toEqual({ items: [{ id: '1' }, { id: '2' }, { id: '3' }] });
  });

  it('may be of scalars, of lists, empty, or null', async () => {
    const parts = await (
      await open(
        '{ item(id: "1") { tags @stream(initialCount: 1) } none: items(first: 0) @stream { id } grid @stream { id } failing { tags @stream } }',
      )
    ).rest();
    expect(mergeParts(parts).data).toEqual({
      item: { tags: ['a', 'b', 'c'] },
      none: [],
      grid: [
        [{ id: '1' }, { id: '2' }],
        [{ id: 'bad' }, null],
      ],
      failing: null,
    });
  });

  it('ends with the error of an item that cannot be null', async () => {
    const parts = await (await open('{ grid @stream { must } items(first: 2) @stream { id } }')).rest();
    const { data, errors, failed } = mergeParts(parts);
    expect(data).toEqual({
      grid: [
        [{ must: 1 }, { must: 1 }],
        [null, null],
      ],
      items: [{ id: '1' }, { id: '2' }],
    });
    expect(errors.map(({ path }) => path)).toEqual([['grid', 1, 0, 'must']]);
    expect(failed).toEqual([]);
  });
});

describe('what somebody who takes one answer gets', () => {
  it.each([
    'application/json',
    'application/graphql-response+json',
    '*/*',
    'application/json, multipart/mixed',
    'multipart/mixed;deferSpec=20220824, application/json',
    'multipart/mixed;incrementalSpec=v0.2;q=0.5, application/json',
    'text/event-stream;q=0.5, application/json',
    'multipart/mixed;subscriptionSpec="1.0", application/json',
  ])('is all of it, to Accept: %s', async (accept) => {
    const reader = await open(SLOW, { accept });
    expect(reader.contentType).toMatch(/^application\/(graphql-response\+)?json/);
    expect(await reader.rest()).toEqual([
      { data: { item: { name: 'item 1', details: { text: 'about 1' } } } },
    ]);
  });

  it.each([
    'multipart/mixed',
    'multipart/mixed, application/json',
    'multipart/mixed; boundary=x, application/json',
    'multipart/mixed; incrementalSpec="v0.2"',
    'application/graphql-response+json, application/json, multipart/mixed;incrementalSpec=v0.2',
    'application/json;q=0.9, multipart/mixed',
  ])('is parts, to Accept: %s', async (accept) => {
    const reader = await open(SLOW, { accept });
    expect(reader.contentType).toContain('multipart/mixed');
    expect(await reader.rest()).toEqual([FIRST, SECOND]);
  });

  it('is what urql, which names everything, can read: events', async () => {
    const accept =
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed';
    const reader = await open(SLOW, { accept });
    expect(reader.contentType).toBe('text/event-stream');
    expect(await reader.rest()).toEqual([FIRST, SECOND]);
    const plain = await open('{ item(id: "1") { name } }', { accept });
    expect(plain.contentType).toBe('application/graphql-response+json; charset=utf-8');
  });

  it('is nothing in an older format: a refusal that says what there is', async () => {
    const before = shop.asked.length;
    const reader = await open(SLOW, { accept: 'multipart/mixed;deferSpec=20220824' });
    expect(reader.response.status).toBe(406);
    expect(await reader.rest()).toMatchObject([
      {
        errors: [
          {
            message: expect.stringContaining('incrementalSpec=v0.2'),
            extensions: { code: 'NOT_ACCEPTABLE' },
          },
        ],
      },
    ]);
    expect(shop.asked.length).toBe(before);
  });

  it('is one part when it takes nothing but parts and nothing is deferred', async () => {
    const query = 'query ($d: Boolean!) { item(id: "1") { ... @defer(if: $d) { name } } }';
    const reader = await open(query, { accept: 'multipart/mixed', variables: { d: false } });
    expect(reader.contentType).toContain('multipart/mixed');
    expect(await reader.rest()).toEqual([{ data: { item: { name: 'item 1' } } }]);
    const refused = await open('{ nothing }', { accept: 'multipart/mixed' });
    expect(refused.response.status).toBe(400);
    expect(await refused.rest()).toMatchObject([
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
  });
});

describe('`if: false`', () => {
  const QUERY = `query ($d: Boolean = false, $s: Boolean!) {
    item(id: "1") { ... @defer(if: $d) { name } ... @defer(if: false) { id } }
    items(first: 2) @stream(if: $s) { id }
  }`;

  it('is as if it were not there, by a literal, a variable, and a variable that is not given', async () => {
    const reader = await open(QUERY, {
      accept: 'multipart/mixed;incrementalSpec=v0.2, application/json',
      variables: { s: false },
    });
    expect(reader.contentType).toBe('application/json; charset=utf-8');
    expect(await reader.rest()).toEqual([
      { data: { item: { name: 'item 1', id: '1' }, items: [{ id: '1' }, { id: '2' }] } },
    ]);
  });

  it('and true is as if nothing were said', async () => {
    const parts = await (await open(QUERY, { variables: { d: true, s: true } })).rest();
    expect(parts[0]).toMatchObject({ data: { item: { id: '1' }, items: [] }, pending: [{}, {}] });
    expect(mergeParts(parts).data).toEqual({
      item: { name: 'item 1', id: '1' },
      items: [{ id: '1' }, { id: '2' }],
    });
  });
});

describe('the reader', () => {
  it.each(['multipart/mixed', 'text/event-stream'])(
    'who leaves after the first part of %s ends the call at the backend',
    async (accept) => {
      shop.hold('/details/1');
      const left = new AbortController();
      const reader = await open(SLOW, { accept, signal: left.signal });
      expect(await reader.next()).toEqual(FIRST);
      await shop.untilWaiting('/details/1');
      left.abort();
      await shop.untilWaiting('/details/1', 0);
      shop.release('/details/1');
    },
  );

  it('who completes the operation on a websocket ends the call at the backend, and the socket goes on', async () => {
    await using socket = await RawSocket.open(shop.gateway);
    shop.hold('/details/1');
    socket.subscribe('a', SLOW);
    await socket.until(({ type }) => type === 'next');
    await shop.untilWaiting('/details/1');
    socket.send({ type: 'complete', id: 'a' });
    await shop.untilWaiting('/details/1', 0);
    shop.release('/details/1');
    socket.subscribe('b', '{ item(id: "1") { id } }');
    await socket.until(({ id, type }) => id === 'b' && type === 'complete');
    expect(socket.received.filter(({ id }) => id === 'a')).toHaveLength(1);
  });

  it('who closes the socket ends the call at the backend', async () => {
    await using socket = await RawSocket.open(shop.gateway);
    shop.hold('/details/1');
    socket.subscribe('a', SLOW);
    await shop.untilWaiting('/details/1');
    socket.socket.terminate();
    await shop.untilWaiting('/details/1', 0);
    shop.release('/details/1');
  });

  it('who leaves a streamed list ends its calls, and no further ones are made', async () => {
    shop.hold('/details/4');
    const left = new AbortController();
    const reader = await open('{ items(first: 400) @stream(initialCount: 1) { details { text } } }', {
      signal: left.signal,
    });
    await reader.next();
    await shop.untilWaiting('/details/4');
    left.abort();
    await shop.untilWaiting('/details/4', 0);
    await sleep(100);
    const asked = shop.asked.length;
    shop.release('/details/4');
    await sleep(100);
    expect(shop.asked.length).toBe(asked);
    expect(shop.asked).not.toContain('/details/399');
  });
});

it('takes part in a batch as if nothing were deferred', async () => {
  await using other = await startShop({ client: 'batching: { max: 3 }' });
  const ask = (accept: string) =>
    other.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json' },
      body: JSON.stringify([{ query: SLOW }, { query: '{ items(first: 1) @stream { id } }' }]),
    });
  const answer = await ask('multipart/mixed;incrementalSpec=v0.2, application/json');
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(await answer.json()).toEqual([
    { data: { item: { name: 'item 1', details: { text: 'about 1' } } } },
    { data: { items: [{ id: '1' }] } },
  ]);
  const refused = await ask('multipart/mixed');
  expect(refused.status).toBe(406);
  expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_ACCEPTABLE' } }] });
});

describe('the deadline', () => {
  it('is one for all parts: what is not there by then is null with an error, and the answer ends', async () => {
    await using other = await startShop({ hem: 'limits: { deadline: 300ms }' });
    other.hold('/details/1');
    other.hold('/details/2');
    const startedAt = performance.now();
    const reader = await PartReader.open(
      other.gateway,
      '{ a: item(id: "1") { id ... @defer { details { text ... @defer { similar { id } } } } } items(first: 2) @stream { details { text } } }',
    );
    const parts = await reader.rest();
    expect(performance.now() - startedAt).toBeLessThan(2000);
    const { data, errors } = mergeParts(parts);
    expect(data).toEqual({ a: { id: '1', details: null }, items: [{ details: null }, { details: null }] });
    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['UPSTREAM_TIMEOUT']));
    await other.untilWaiting('/details/1', 0);
    await other.untilWaiting('/details/2', 0);
  });

  it('that the rest misses is missed by nothing that is deferred or streamed', async () => {
    await using other = await startShop({ hem: 'limits: { deadline: 800ms }' });
    other.hold('/pages/1');
    const reader = await PartReader.open(
      other.gateway,
      '{ item(id: "1") { page ... @defer { details { text } } } items(first: 3) @stream(initialCount: 1) { id page } }',
    );
    const { data, errors } = mergeParts(await reader.rest());
    expect(data).toEqual({
      item: { page: null, details: { text: 'about 1' } },
      items: [
        { id: '1', page: null },
        { id: '2', page: expect.stringMatching(/^x+$/) },
        { id: '3', page: expect.stringMatching(/^x+$/) },
      ],
    });
    expect(errors.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['item', 'page'], 'UPSTREAM_TIMEOUT'],
      [['items', 0, 'page'], 'UPSTREAM_TIMEOUT'],
    ]);
  });
});

describe('a gateway that stops', () => {
  it('lets parts come, over HTTP and websocket', async () => {
    const other = await startShop();
    other.hold('/details/1');
    await using socket = await RawSocket.open(other.gateway);
    socket.subscribe('a', SLOW);
    const reader = await PartReader.open(other.gateway, SLOW);
    expect(await reader.next()).toEqual(FIRST);
    await other.untilWaiting('/details/1', 2);
    const stopped = other.gateway.gateway.stop();
    await sleep(50);
    other.release('/details/1');
    expect(await reader.rest()).toEqual([SECOND]);
    expect(await socket.until(({ type }) => type === 'complete')).toEqual({ id: 'a', type: 'complete' });
    expect(await socket.closed).toMatchObject({ code: 1001 });
    await stopped;
    await other[Symbol.asyncDispose]();
  });

  it('does not wait for them longer than its grace, and ends their calls', async () => {
    const other = await startShop({ hem: 'shutdown: { grace: 200ms }' });
    other.hold('/details/1');
    const reader = await PartReader.open(other.gateway, SLOW);
    expect(await reader.next()).toEqual(FIRST);
    await other.untilWaiting('/details/1');
    const startedAt = performance.now();
    await other.gateway.gateway.stop();
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await expect(reader.rest()).rejects.toThrow();
    await other.untilWaiting('/details/1', 0);
    await other[Symbol.asyncDispose]();
  });
});

it('answers a slow reader at its pace, and all of it', async () => {
  const reader = await open('{ items(first: 2000) @stream(initialCount: 1) { id name tags must } }');
  const parts: ReceivedPart[] = [];
  for (let part = await reader.next(); part !== undefined; part = await reader.next()) {
    parts.push(part);
    await sleep(1);
  }
  expect((mergeParts(parts).data as { items: unknown[] }).items).toHaveLength(2000);
});

it('asks its backends no further while nobody reads: a bounded number of items waits', async () => {
  const socket = await openRaw(shop.gateway.url);
  const body = JSON.stringify({ query: '{ items(first: 900) @stream(initialCount: 1) { page } }' });
  socket.pause();
  socket.write(
    `POST /web/graphql HTTP/1.1\r\nhost: x\r\naccept: multipart/mixed\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const pages = () => shop.asked.filter((path) => path.startsWith('/pages/')).length;
  await expect.poll(pages, { timeout: 5000 }).toBeGreaterThan(10);
  let before = -1;
  while (pages() !== before) {
    before = pages();
    await sleep(400);
  }
  // Of 90 MB, what sockets hold and 100 items.
  expect(before).toBeLessThan(450);
  socket.destroy();
});

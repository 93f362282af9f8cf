/** Who used what: the API, the command line, and what both say of what they do not know. */

import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { openStore } from '../../src/store/open.ts';
import { beginningOf, DAY_MS, HOUR_MS, type UsageCount } from '../../src/store/usage-store.ts';
import { KeyMaker } from '../auth/key-maker.ts';
import { runCommand } from '../support/command.ts';
import type { TestGateway } from '../support/gateway.ts';
import { type Library, startLibrary } from './library.ts';

const STORES: ReadonlyArray<readonly [string, () => object]> = [
  ['embedded', () => ({ kind: 'embedded' })],
  [
    'redis',
    () => ({
      kind: 'redis',
      url: process.env.HEM_TEST_REDIS_URL,
      prefix: `usage-api-${crypto.randomUUID()}`,
      timeout: '1s',
    }),
  ],
];

/** Again while the store is not connected yet: a moment after the start. */
async function usage(library: Library, query = '', headers: Record<string, string> = {}) {
  for (let times = 0; ; times++) {
    const answer = await usageNow(library, query, headers);
    if (answer.status !== 503 || times > 100) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function usageNow({ gateway }: Library, query: string, headers: Record<string, string>) {
  const response = await fetch(`${gateway.adminUrl}/api/usage?${query}`, {
    headers: { authorization: `Bearer ${gateway.gateway.adminToken}`, ...headers },
  });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.json() };
}

/** As another process would have counted it. */
async function addAs(
  { directory }: TestGateway,
  store: object,
  hour: number,
  counts: readonly Partial<UsageCount>[],
  until = hour + 1000,
) {
  await using opened = await openStore(storeSettings.parse(store), directory, pino({ level: 'silent' }));
  for (let times = 0; !opened.isUp && times < 200; times++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await opened.usage().add({
    run: crypto.randomUUID(),
    seq: 1,
    from: hour,
    since: hour,
    until,
    hour,
    counts: counts.map((count) => ({
      consumer: 'acme',
      client: 'web',
      coordinate: 'Book.title',
      count: 1,
      errors: 0,
      firstAt: hour,
      lastAt: hour + 1000,
      ...count,
    })),
    keepMs: { hour: 200 * HOUR_MS, day: 500 * DAY_MS },
  });
}

const hem = (gateway: TestGateway, ...args: readonly string[]) =>
  runCommand([process.execPath, 'src/main.ts', 'usage', '--config', gateway.directory, ...args], {
    env: { PATH: process.env.PATH, NO_COLOR: '1' },
  });

describe.each(STORES)('on a store that is %s', (_kind, settingsOf) => {
  it('is told by client, field and consumer, a moment after it happened', async () => {
    const store = settingsOf();
    await using library = await startLibrary({ store });
    await library.gateway.query('web', '{ book(id: 1) { title reviews { text } } }');
    await library.gateway.query('web', '{ book(id: 1) { title } }');
    const { status, body } = await usage(library);
    expect(status).toBe(200);
    const of = (field: string) => body.usage.find((one: { field: string }) => one.field === field);
    expect(body.usage.map((one: { field: string }) => one.field)).toEqual([
      'Book.reviews',
      'Book.title',
      'Query.book',
      'Review.text',
    ]);
    expect(of('Book.title')).toMatchObject({ consumer: '-', client: 'web', count: 2, errors: 0 });
    expect(of('Book.reviews')).toMatchObject({ count: 1, errors: 1 });
    expect(Math.abs(Date.parse(of('Book.title').lastSeen) - Date.now())).toBeLessThan(10_000);
    expect(Date.parse(of('Book.title').firstSeen)).toBeLessThanOrEqual(Date.parse(of('Book.title').lastSeen));
    expect(body.window.by).toBe('hour');
    expect(body.counted.gaps).toHaveLength(1);
    expect(body.next).toBeNull();
    // Nothing is counted twice by asking.
    expect((await usage(library, 'field=Book.title')).body.usage).toMatchObject([{ count: 2 }]);
  });

  it('is kept over a restart, with the times that were not counted', async () => {
    const store = settingsOf();
    await using library = await startLibrary({ store });
    const past = beginningOf(Date.now(), 'hour') - 3 * HOUR_MS;
    await addAs(library.gateway, store, past, [
      { count: 10 },
      { coordinate: 'Book.id', consumer: 'other', errors: 2 },
    ]);
    await library.gateway.query('web', '{ book(id: 1) { title } }');
    const { body } = await usage(library, 'since=1d');
    expect(body.usage).toMatchObject([
      { field: 'Book.id', consumer: 'other', count: 1, errors: 2 },
      { field: 'Book.title', consumer: '-', count: 1 },
      { field: 'Book.title', consumer: 'acme', count: 10 },
      { field: 'Query.book', consumer: '-', count: 1 },
    ]);
    expect(body.counted.since).toBe(new Date(past).toISOString());
    const gap = body.counted.gaps.find(({ since }: { since: string }) => Date.parse(since) === past + 1000);
    expect(Date.now() - Date.parse(gap.until)).toBeLessThan(60_000);
  });

  it('is there when the gateway has stopped, without anybody having asked', async () => {
    const store = settingsOf();
    await using library = await startLibrary({ store });
    const { gateway } = library;
    await gateway.query('web', '{ book(id: 1) { title } }');
    await gateway.gateway.stop();
    const { code, output } = await hem(gateway, '--field', 'Book.title', '--format', 'json');
    expect(code, output).toBe(0);
    expect(JSON.parse(output).usage).toMatchObject([{ consumer: '-', field: 'Book.title', count: 1 }]);
  });

  it('is told by days where hours are not kept so long', async () => {
    const store = settingsOf();
    await using library = await startLibrary({ store });
    const past = beginningOf(Date.now() - 30 * DAY_MS, 'hour');
    await addAs(library.gateway, store, past, [{ count: 10 }]);
    const { body } = await usage(library, 'since=40d');
    expect(body.window.by).toBe('day');
    expect(body.usage).toMatchObject([{ field: 'Book.title', count: 10 }]);
    expect((await usage(library, 'since=7d')).body.usage).toEqual([]);
  });

  it('is told by the command line, beside a running gateway', async () => {
    const store = settingsOf();
    await using library = await startLibrary({ store });
    const { gateway } = library;
    await addAs(gateway, store, beginningOf(Date.now(), 'hour'), [
      { count: 1234 },
      { coordinate: 'Query.book', consumer: 'other', errors: 7 },
    ]);
    const text = await hem(gateway);
    expect(text.code, text.output).toBe(0);
    expect(text.output).toMatch(/^FIELD +CLIENT +CONSUMER +USED +ERRORS +FIRST SEEN +LAST SEEN$/m);
    expect(text.output).toMatch(/^Book\.title +web +acme +1,234 +\d{4}-\d\d-\d\d \d\d:00 /m);
    expect(text.output).toMatch(/^Query\.book +web +other +1 +7 /m);
    expect(text.output).toContain('missing ');
    const one = await hem(gateway, '--consumer', 'other', '--format', 'json');
    expect(JSON.parse(one.output).usage).toMatchObject([{ field: 'Query.book', consumer: 'other' }]);
    const events = JSON.parse((await hem(gateway, '--format', 'cloudevents')).output);
    expect(events).toHaveLength(2);
    const unused = await hem(gateway, '--unused');
    expect(unused.output).toMatch(/^ {2}Film\.minutes {2}deprecated$/m);
    expect(unused.output).not.toMatch(/Book\.title|Query\.book/);
    expect(unused.output).toContain('Part of the window was not counted');
  });
});

describe('a caller with a key', () => {
  it('is its consumer in usage, and none in Prometheus; what limits said to it is counted', async () => {
    const plan = { clients: ['web'], limits: [{ name: 'hourly', limit: 2, per: '1h' }] };
    await using library = await startLibrary({
      client: 'auth: { keys: {} }',
      files: { 'clients/plans.yml': JSON.stringify({ plans: { small: plan } }) },
    });
    const consumer = 'acme';
    const { text } = await new KeyMaker(library.gateway).make('small');
    const ask = () =>
      library.gateway.query('web', '{ book(id: 1) { title } }', { headers: { 'x-api-key': text } });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429]);
    await library.gateway.query('web', '{ book(id: 1) { title } }');
    const { body } = await usage(library, 'field=Book.title');
    expect(body.usage.map((one: { consumer: string; count: number }) => [one.consumer, one.count])).toEqual([
      ['-', 1],
      [consumer, 2],
    ]);
    const scraped = await library.scrape();
    expect(scraped.text).not.toContain(consumer);
    expect(scraped.all('hem_limit_decisions_total')).toEqual({
      'limit="hourly",of="plan:small",outcome="admitted"': 2,
      'limit="hourly",of="plan:small",outcome="refused"': 1,
    });
    expect(scraped.value('hem_http_responses_total', 'client="web",status="429"')).toBe(1);
  });
});

describe('the API', () => {
  it('tells of many different operations when they were used, however many there are between two looks', async () => {
    await using library = await startLibrary();
    const before = Date.now();
    for (let count = 0; count < 256; count++)
      await library.gateway.query('web', `{ b${count}: book(id: 1) { title } }`);
    await library.gateway.query('web', '{ things { id } }');
    const { body } = await usage(library, 'field=Query.things');
    expect(body.usage).toMatchObject([{ count: 1 }]);
    const { firstSeen, lastSeen } = body.usage[0];
    expect(Date.parse(firstSeen)).toBeGreaterThanOrEqual(before - 10);
    expect(lastSeen).toBe(firstSeen);
  });

  it.each([
    ['2026-02-31', 400],
    ['2026-11-27 (x)', 400],
    ['2026-13-01', 400],
    ['2026-11-27 25:00', 400],
    ['2026-11-27', 200],
    ['2026-11-27T10:00:00.123Z', 200],
    ['2026-11-27 10:00', 200],
    ['2026-11-27T10:00:00+09:00', 200],
  ])('takes a moment of the calendar, in UTC: %s', async (since, status) => {
    await using library = await startLibrary();
    const answer = await usage(library, `since=${encodeURIComponent(since)}&until=2030-01-01`);
    expect(answer.status).toBe(status);
    const at = since.includes('+') ? '2026-11-27T01:00' : since.replace(' ', 'T').slice(0, 16);
    if (status === 200)
      expect(answer.body.window.since.startsWith(at.length > 10 ? at.slice(0, 13) : at)).toBe(true);
  });

  it('gives pages, each after the one before', async () => {
    await using library = await startLibrary();
    const counts = Array.from({ length: 25 }, (_, index) => ({ consumer: `c${index}` }));
    await addAs(library.gateway, { kind: 'embedded' }, beginningOf(Date.now(), 'hour'), counts);
    const found: string[] = [];
    let after = '';
    do {
      const { body } = await usage(library, `limit=10${after}`);
      expect(body.usage.length).toBeLessThanOrEqual(10);
      found.push(...body.usage.map(({ consumer }: { consumer: string }) => consumer));
      after = body.next === null ? '' : `&after=${body.next}`;
    } while (after !== '');
    expect(found.sort()).toEqual(counts.map(({ consumer }) => consumer).sort());
  });

  it('gives CloudEvents to who takes them, the same ones again with the same ids', async () => {
    await using library = await startLibrary();
    await addAs(library.gateway, { kind: 'embedded' }, beginningOf(Date.now(), 'hour'), [
      { count: 3, errors: 1 },
    ]);
    const ask = () => usage(library, 'since=2h', { accept: 'application/cloudevents-batch+json' });
    const { type, body } = await ask();
    expect(type).toBe('application/cloudevents-batch+json');
    expect(body).toMatchObject([
      {
        specversion: '1.0',
        source: '/hem/usage',
        type: 'dev.hem.usage.field.v1',
        subject: 'web/Book.title',
        datacontenttype: 'application/json',
        data: { consumer: 'acme', client: 'web', field: 'Book.title', count: 3, errors: 1, complete: false },
      },
    ]);
    expect(body[0].id).toMatch(/^[\w-]{32}$/);
    expect((await ask()).body[0].id).toBe(body[0].id);
    expect((await usage(library, 'since=2h&format=cloudevents')).body).toEqual(body);
  });

  it.each(['https://eu.example.com/hem', '/hem/eu', 'urn:hem:eu', '//[::1]:4001/a%20b?c#d'])(
    'says in CloudEvents that they are from where hem.yml says: %s',
    async (source) => {
      await using library = await startLibrary({ hem: JSON.stringify({ usage: { source } }) });
      await addAs(library.gateway, { kind: 'embedded' }, beginningOf(Date.now(), 'hour'), [{ count: 3 }]);
      const { body } = await usage(library, 'since=2h&format=cloudevents');
      expect(body).toMatchObject([{ source }]);
      const { output } = await hem(library.gateway, '--format', 'cloudevents');
      expect(JSON.parse(output)).toMatchObject([{ source }]);
    },
  );

  it.each(['', 'two words', 'a:b c', '1a:b', 'ä', '%zz', 'a#b#c', '<x>', 'http://[x]/'])(
    'takes no source that is no URI reference: "%s"',
    async (source) => {
      await expect(startLibrary({ hem: JSON.stringify({ usage: { source } }) })).rejects.toThrow(
        /usage\.source/,
      );
    },
  );

  it('calls a window complete that is over and was counted to its end, and none else', async () => {
    await using library = await startLibrary();
    const hour = beginningOf(Date.now(), 'hour') - 2 * HOUR_MS;
    const [from, half, end] = [hour, hour + HOUR_MS / 2, hour + HOUR_MS].map((at) =>
      new Date(at).toISOString(),
    );
    const ask = async (since: string, until: string) => {
      const window = `since=${since}&until=${until}`;
      const events = (await usage(library, `${window}&format=cloudevents`)).body;
      const { counted } = (await usage(library, window)).body;
      return { counted, events: events.map(({ data, time }: never) => ({ ...(data as object), time })) };
    };
    const settings = { kind: 'embedded' };
    // A gateway that was stopped in the middle of the hour, and another one that counted all of it.
    await addAs(library.gateway, settings, hour, [{ count: 3 }], hour + HOUR_MS / 2);
    expect(await ask(from!, end!)).toMatchObject({
      counted: { since: from, until: half, gaps: [{ since: half, until: end }], complete: false },
      events: [{ count: 3, complete: false, time: new Date(hour + 1000).toISOString() }],
    });
    await addAs(library.gateway, settings, hour, [{ count: 4 }], hour + HOUR_MS);
    expect(await ask(from!, end!)).toMatchObject({
      counted: { since: from, until: end, gaps: [], complete: true },
      events: [{ count: 7, complete: true, time: end }],
    });
    // The hour that is under way, of which all was counted until a moment ago.
    const begun = beginningOf(Date.now(), 'hour');
    await addAs(library.gateway, settings, begun, [{ count: 1 }], Date.now());
    expect(await ask(new Date(begun).toISOString(), new Date().toISOString())).toMatchObject({
      counted: { gaps: [], complete: false },
      events: [{ count: 1, complete: false }],
    });
  });

  it('gives an event another id when it has more to say', async () => {
    await using library = await startLibrary();
    const hour = beginningOf(Date.now(), 'hour');
    const [since, until] = [hour - HOUR_MS, hour + HOUR_MS].map((at) => new Date(at).toISOString());
    const ask = async () => (await usage(library, `since=${since}&until=${until}&format=cloudevents`)).body;
    await addAs(library.gateway, { kind: 'embedded' }, hour, [{ count: 3 }]);
    const first = await ask();
    expect(await ask()).toEqual(first);
    await addAs(library.gateway, { kind: 'embedded' }, hour, [{ count: 2 }]);
    const [event] = await ask();
    expect(event).toMatchObject({
      subject: first[0].subject,
      data: { count: 5, window: first[0].data.window },
    });
    expect(event.id).not.toBe(first[0].id);
  });

  it('says what nobody used', async () => {
    await using library = await startLibrary();
    await library.gateway.query('web', '{ things { title } broken { id } }');
    const { body } = await usage(library, 'unused=1');
    const fields = body.unused.map(({ field }: { field: string }) => field);
    expect(fields).toEqual(
      expect.arrayContaining(['Query.book', 'Mutation.lend', 'Review.text', 'Film.minutes']),
    );
    expect(fields).not.toEqual(expect.arrayContaining(['Film.title']));
    expect(fields.filter((field: string) => field.startsWith('__'))).toEqual([]);
    expect(body.unused.find(({ field }: { field: string }) => field === 'Film.minutes')).toEqual({
      client: 'web',
      field: 'Film.minutes',
      deprecated: true,
    });
  });

  it('wants the operators’ token, and says what is wrong with what it is asked', async () => {
    await using library = await startLibrary();
    expect((await fetch(`${library.gateway.adminUrl}/api/usage`)).status).toBe(401);
    for (const [query, text] of [
      ['nonsense=1', 'There is no parameter "nonsense"'],
      ['since=yesterday', '"since" is how long ago'],
      ['since=1h&until=2h', '"since" has to be before "until"'],
      ['field=title', 'such as "Station.name"'],
      ['limit=0', '"limit" is a whole number'],
      ['limit=1001', '"limit" is a whole number'],
      ['after=x', '"after" is what an earlier page gave'],
      ['format=xml', '"format" is'],
      ['client=a&client=b', '"client" comes twice'],
      [`consumer=${'x'.repeat(1000)}`, '"consumer" is a name'],
      ['unused=maybe', '"unused" is "1" or "true"'],
      ['unused=1&limit=2', 'leave out "limit"'],
      ['client=wep', 'There is no client "wep"; there are web.'],
      ['client=constructor', 'There is no client "constructor"'],
      ['field=Book.titel', 'No client has a field "Book.titel"; did you mean "Book.title"?'],
      ['field=Book.ISBN10&client=web', 'The client "web" has no field "Book.ISBN10", and nobody used one.'],
      ['unused=1&field=Book.titel', 'did you mean "Book.title"?'],
    ] as const) {
      const { status, body } = await usage(library, query);
      expect({ query, status, detail: body.detail }).toEqual({
        query,
        status: 400,
        detail: expect.stringContaining(text),
      });
    }
    for (const query of ['consumer=__proto__', 'since=2020-01-01&until=2020-02-01'])
      expect((await usage(library, query)).body.usage).toEqual([]);
    expect((await usage(library, 'unused=0')).body.usage).toEqual([]);
  });

  it('tells the usage of what is gone from the schemas', async () => {
    await using library = await startLibrary();
    await addAs(library.gateway, { kind: 'embedded' }, beginningOf(Date.now(), 'hour'), [
      { client: 'tv', coordinate: 'Book.shelf' },
    ]);
    expect((await usage(library, 'client=tv&field=Book.shelf')).body.usage).toMatchObject([{ count: 1 }]);
  });

  it('is read by HEAD as by GET, and by nothing else', async () => {
    await using library = await startLibrary();
    const authorization = `Bearer ${library.gateway.gateway.adminToken}`;
    for (const path of ['/livez', '/readyz', '/metrics', '/jwks.json', '/api/usage']) {
      const ask = (method: string) =>
        fetch(`${library.gateway.adminUrl}${path}`, { method, headers: { authorization } });
      const [head, post] = [await ask('HEAD'), await ask('POST')];
      expect([path, head.status, await head.text()]).toEqual([path, 200, '']);
      expect([path, post.status, post.headers.get('allow')]).toEqual([path, 405, 'GET, HEAD']);
    }
  });
});

describe('the command line', () => {
  it('says what is wrong, and exits with 2', async () => {
    await using library = await startLibrary();
    for (const [args, text] of [
      [['--client', 'nobody'], 'There is no client "nobody"; there are web.'],
      [['--field', 'Book.titel'], 'No client has a field "Book.titel"; did you mean "Book.title"?'],
      [['--since', 'ever'], '"since" is how long ago'],
      [['--unused', '--format', 'cloudevents'], 'take --format json.'],
      [['--format', 'xml'], 'Allowed choices are text, json, cloudevents'],
    ] as const) {
      const { code, output } = await hem(library.gateway, ...args);
      expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining(text) });
    }
  });
});

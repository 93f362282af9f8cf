/** The rest of what `/metrics` shows, its formats, and its bounds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Series, toLabel } from '../../src/metrics/bounded-labels.ts';
import { Counter } from '../../src/metrics/histogram.ts';
import { MOVED, RawSocket, startRiders } from '../doors/riders.ts';
import { type Library, Scraped, startLibrary } from './library.ts';

/** Calls that ended, by coordinate and code. */
function callsIn(scraped: Scraped): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(scraped.all('hem_backend_call_duration_seconds_count')).map(([labels, count]) => {
      const [, coordinate, code] = /coordinate="(.*)",code="(.*)"/.exec(labels)!;
      return [`${coordinate} ${code}`, count];
    }),
  );
}

async function until(library: Library, condition: (scraped: Scraped) => boolean): Promise<Scraped> {
  for (let times = 0; ; times++) {
    const scraped = await library.scrape();
    if (condition(scraped) || times === 200) return scraped;
    await sleep(20);
  }
}

describe('durations', () => {
  it('of operations are told by client, kind, name and outcome; names that are not the client’s own are "other"', async () => {
    await using library = await startLibrary();
    const { gateway } = library;
    await gateway.query('web', 'query ShowBook($id: ID!) { book(id: $id) { title } }', {
      variables: { id: 1 },
    });
    await gateway.query('web', 'query Mine { book(id: 1) { title } broken { id } }');
    await gateway.query('web', 'mutation { lend(id: 1) { id } }');
    await gateway.query('web', 'query ($id: ID!) { book(id: $id) { title } }');
    const scraped = await library.scrape();
    const count = (kind: string, operation: string, outcome: string) =>
      scraped.value(
        'hem_operation_duration_seconds_count',
        `client="web",kind="${kind}",operation="${operation}",outcome="${outcome}"`,
      );
    expect(count('query', 'ShowBook', 'ok')).toBe(1);
    expect(count('query', 'other', 'partial')).toBe(1);
    expect(count('mutation', 'other', 'ok')).toBe(1);
    expect(count('query', 'other', 'refused')).toBe(1);
    expect(scraped.text).not.toContain('Mine');
    expect(scraped.value('hem_operations_in_flight', 'client="web"')).toBe(0);
  });

  it.each(['compiled', 'reference'])(
    'of backend calls are told by the connector’s field and what came of it (%s)',
    async (engine) => {
      await using library = await startLibrary({ client: `engine: ${engine}` });
      await library.gateway.query(
        'web',
        '{ book(id: 1) { title pages reviews { text } } a: book(id: 2) { id } }',
      );
      const scraped = await library.scrape();
      const labels = (coordinate: string, code: string) =>
        `connector="books",coordinate="${coordinate}",code="${code}"`;
      const count = (coordinate: string, code: string) =>
        scraped.value('hem_backend_call_duration_seconds_count', labels(coordinate, code));
      expect(count('Book.pages', 'OK')).toBe(1);
      expect(count('Book.reviews', 'UPSTREAM_UNAVAILABLE')).toBe(1);
      expect(scraped.value('hem_backend_objects_total', labels('Query.book', 'OK'))).toBe(2);
      expect(scraped.value('hem_backend_objects_total', labels('Book.reviews', 'UPSTREAM_UNAVAILABLE'))).toBe(
        1,
      );
      expect(scraped.value('hem_backend_objects_total', labels('Book.reviews', 'OK'))).toBe(0);
    },
  );

  it.each(['compiled', 'reference'])(
    'of fields are those of a sample, which callers do not notice (%s)',
    async (engine) => {
      await using library = await startLibrary({
        hem: 'metrics: { sample: 1 }',
        client: `engine: ${engine}`,
      });
      const { body } = await library.gateway.query('web', '{ book(id: 1) { title pages } }');
      expect(body).toEqual({ data: { book: { title: 'The Seam', pages: 120 } } });
      const scraped = await library.scrape();
      for (const coordinate of ['Query.book', 'Book.pages'])
        expect(
          scraped.value(
            'hem_field_duration_seconds_count',
            `client="web",connector="books",coordinate="${coordinate}"`,
          ),
        ).toBe(1);
    },
  );

  it.each(['compiled', 'reference'])('of fields are taken of answers in parts, too (%s)', async (engine) => {
    await using library = await startLibrary({ hem: 'metrics: { sample: 1 }', client: `engine: ${engine}` });
    const response = await library.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'multipart/mixed' },
      body: JSON.stringify({ query: '{ book(id: 1) { title ... @defer { pages } } }' }),
    });
    expect(await response.text()).toContain('120');
    const counts = (await library.scrape()).all('hem_field_duration_seconds_count');
    const of = (coordinate: string) => `client="web",connector="books",coordinate="${coordinate}"`;
    expect(counts).toEqual({ [of('Query.book')]: 1, [of('Book.pages')]: 1 });
  });

  it('in flight are those that take their time, also before the first part of their answer', async () => {
    await using library = await startLibrary();
    const inFlight = async () => (await library.scrape()).value('hem_operations_in_flight', 'client="web"');
    for (const accept of ['application/json', 'multipart/mixed']) {
      const answered = library.gateway.fetch('/web/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body: JSON.stringify({ query: '{ slow { id ... @defer { title } } }' }),
      });
      // It takes a second.
      await expect.poll(inFlight, { interval: 10, timeout: 5000 }).toBe(1);
      await (await answered).text();
      await expect.poll(inFlight, { timeout: 5000 }).toBe(0);
    }
  });

  it('of errors there are as many as the answer tells', async () => {
    await using library = await startLibrary();
    const { errors } = (await library.gateway.query('web', '{ search(kind: DIGITAL) { reviews { text } } }'))
      .body;
    expect(errors).toHaveLength(150);
    // The breaker opens meanwhile.
    const counted = Object.values((await library.scrape()).all('hem_errors_total'));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(150);
  });

  it('have nothing of what is no operation: its errors count', async () => {
    await using library = await startLibrary();
    const { gateway } = library;
    const post = (body: string, type = 'application/json', path = '/web/graphql') =>
      gateway.fetch(path, { method: 'POST', headers: { 'content-type': type }, body });
    await post('{');
    await post('{}', 'text/csv');
    await post('{"query":"{"}');
    await post('{"query":"{ nothing }"}');
    await post('{}', 'application/json', '/nobody/graphql');
    await gateway.fetch('/web/graphql', { method: 'DELETE' });
    await gateway.fetch('/web/graphql?query=%7B');
    await gateway.fetch(`/web/graphql?query=${encodeURIComponent('mutation { lend(id: 1) { id } }')}`);
    const scraped = await library.scrape();
    const at = (client: string, code: string) => `client="${client}",coordinate="-",code="${code}"`;
    expect(scraped.all('hem_errors_total')).toEqual({
      [at('web', 'BAD_REQUEST')]: 1,
      [at('web', 'UNSUPPORTED_MEDIA_TYPE')]: 1,
      [at('web', 'GRAPHQL_PARSE_FAILED')]: 2,
      [at('web', 'GRAPHQL_VALIDATION_FAILED')]: 1,
      [at('web', 'METHOD_NOT_ALLOWED')]: 2,
      [at('-', 'NOT_FOUND')]: 1,
    });
    expect(scraped.all('hem_operation_duration_seconds_count')).toEqual({});
  });

  it.each(['compiled', 'reference'])(
    'of callers who leave are their own: neither the backend’s failures nor the consumer’s errors (%s)',
    async (engine) => {
      await using library = await startLibrary({ client: `engine: ${engine}` });
      const leave = async (query: string) => {
        const asked = library.backend.requests.length;
        const left = new AbortController();
        const answer = library.gateway.fetch('/web/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
          signal: left.signal,
        });
        while (library.backend.requests.length < asked + 2) await sleep(10);
        await until(library, (found) => callsIn(found)['Query.things OK'] === 1);
        left.abort();
        await expect(answer).rejects.toThrow();
      };
      await leave('{ things { id } slow { id } }');
      const calls = { 'Query.slow LEFT': 1, 'Query.things OK': 1 };
      const scraped = await until(library, (found) => callsIn(found)['Query.slow LEFT'] === 1);
      expect(callsIn(scraped)).toMatchObject(calls);
      expect(scraped.all('hem_errors_total')).toEqual({});
      const labels = 'client="web",kind="query",operation="other",outcome="left"';
      expect(scraped.value('hem_operation_duration_seconds_count', labels)).toBe(1);
      expect(scraped.value('hem_http_responses_total', 'client="web",status="499"')).toBe(1);
    },
  );

  it('of a deferred operation that is completed over a websocket are of who left', async () => {
    await using library = await startLibrary();
    await using socket = await RawSocket.open(library.gateway);
    socket.subscribe('1', '{ book(id: 1) { title } ... @defer { slow { id } } }');
    await socket.until(({ id }) => id === '1');
    socket.send({ id: '1', type: 'complete' });
    const labels = 'client="web",kind="query",operation="other",outcome="left"';
    const scraped = await until(
      library,
      (found) => found.value('hem_operation_duration_seconds_count', labels) === 1,
    );
    expect(scraped.all('hem_operation_duration_seconds_count')).toMatchObject({ [labels]: 1 });
  });

  it('of fields are not taken where the sample is 0', async () => {
    await using library = await startLibrary({ hem: 'metrics: { sample: 0 }' });
    for (let times = 0; times < 20; times++) await library.gateway.query('web', '{ book(id: 1) { title } }');
    expect((await library.scrape()).all('hem_field_duration_seconds_count')).toEqual({});
  });
});

it('subscriptions count while they are open, with their events', async () => {
  await using riders = await startRiders();
  const scrape = async () => new Scraped(await (await fetch(`${riders.gateway.adminUrl}/metrics`)).text());
  const events = riders.gateway.subscribe('web', 'subscription { ticks(count: 3) }');
  expect((await events.next()).value).toEqual({ data: { ticks: 1 } });
  expect((await events.next()).done).toBe(false);
  expect((await events.next()).done).toBe(false);
  expect((await events.next()).done).toBe(true);
  const forever = riders.gateway.subscribe('web', MOVED);
  const waiting = forever.next();
  const until = async (open: number) => {
    for (let times = 0; times < 200; times++) {
      if ((await scrape()).value('hem_subscriptions_open', 'client="web"') === open) return;
      await sleep(20);
    }
    throw new Error(`never ${open} open`);
  };
  await until(1);
  await forever.return?.();
  await waiting.catch(() => {});
  await until(0);
  const scraped = await scrape();
  expect(scraped.value('hem_subscription_events_total', 'client="web"')).toBe(3);
  expect(scraped.value('hem_field_used_total', 'client="web",coordinate="Subscription.ticks"')).toBe(1);
  expect(scraped.value('hem_field_used_total', 'client="web",coordinate="Subscription.riderMoved"')).toBe(1);
  expect(
    scraped.value('hem_backend_events_total', 'connector="riders",coordinate="Subscription.ticks"'),
  ).toBe(3);
});

describe('the page', () => {
  it('is text, or OpenMetrics for who asks for that, time and again', async () => {
    await using library = await startLibrary();
    await library.gateway.query('web', '{ book(id: 1) { title } }');
    const scrape = (accept: string) => fetch(`${library.gateway.adminUrl}/metrics`, { headers: { accept } });
    for (let times = 0; times < 2; times++) {
      const open = await scrape('application/openmetrics-text; version=1.0.0,text/plain;q=0.5');
      expect(open.headers.get('content-type')).toMatch(/^application\/openmetrics-text/);
      const openText = await open.text();
      expect(openText).toMatch(/# EOF\n$/);
      expect(openText).toContain('# TYPE hem_field_used counter\n');
      expect(openText).toContain('hem_field_used_total{client="web",coordinate="Book.title"} 1\n');
      const plain = await scrape('text/plain');
      expect(plain.headers.get('content-type')).toMatch(/^text\/plain/);
      const text = await plain.text();
      expect(text).toContain('# TYPE hem_field_used_total counter\n');
      expect(text).toContain('hem_field_used_total{client="web",coordinate="Book.title"} 1\n');
      for (const own of [
        'process_cpu_seconds_total',
        'nodejs_eventloop_lag_p99_seconds',
        'nodejs_gc_duration_seconds_count',
      ])
        expect(text).toContain(`\n${own}`);
      // What the library says where it has not measured anything yet.
      expect(openText + text).not.toContain('9223372036');
    }
  });

  it('is not there where nothing is counted', async () => {
    await using library = await startLibrary({
      hem: 'metrics: { enabled: false }\nusage: { enabled: false }',
    });
    await library.gateway.query('web', '{ book(id: 1) { title } }');
    expect((await fetch(`${library.gateway.adminUrl}/metrics`)).status).toBe(404);
    const authorization = `Bearer ${library.gateway.gateway.adminToken}`;
    const usage = await fetch(`${library.gateway.adminUrl}/api/usage`, { headers: { authorization } });
    expect(usage.status).toBe(404);
  });

  it('has no more series of a metric than are allowed', async () => {
    await using library = await startLibrary({ hem: 'metrics: { maxSeries: 10 }' });
    const types = ['Book', 'Film', 'Thing'];
    await library.gateway.query(
      'web',
      `{ things { id title ${types.map((type) => `... on ${type} { id title }`).join(' ')} ... on Film { minutes } } }`,
    );
    await library.gateway.query(
      'web',
      '{ book(id: 1) { pages reviews { text stars } } search { id } broken { id } }',
    );
    const fields = (await library.scrape()).all('hem_field_used_total');
    expect(Object.keys(fields)).toHaveLength(11);
    expect(fields['client="other",coordinate="other"']).toBeGreaterThan(0);
  });
});

describe('labels', () => {
  it('are one line of bounded length, without what terminals act on', () => {
    expect(toLabel('Station.name')).toBe('Station.name');
    expect(toLabel('a\r\nb\u001b[31m\u2028\u202e\0')).toBe('a\ufffd\ufffdb\ufffd[31m\ufffd\ufffd\ufffd');
    expect(toLabel('\ud800')).toBe('\ufffd');
    expect(toLabel('x'.repeat(1000))).toHaveLength(201);
  });

  it('that look the same are one series', () => {
    const series = new Series(['a', 'b'], { make: () => new Counter(), max: 3 });
    series.of('x\n', 'y').value++;
    series.of('x\r', 'y').value++;
    series.of('__proto__', 'constructor').value++;
    for (let index = 0; index < 5; index++) series.of('z', String(index)).value++;
    expect([...series].map(([labels, { value }]) => [labels, value])).toEqual([
      [{ a: 'x\ufffd', b: 'y' }, 2],
      [{ a: '__proto__', b: 'constructor' }, 1],
      [{ a: 'z', b: '0' }, 1],
      [{ a: 'other', b: 'other' }, 4],
    ]);
  });
});

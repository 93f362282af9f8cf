/** The AMQP kind through a gateway, on a real RabbitMQ with services of plain amqplib behind it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AmqpService, type Reply } from '../support/backends/amqp/service.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

let service: AmqpService;
let gateway: TestGateway;
/** Names at the broker, by what they are for. */
const at = {
  get: '',
  list: '',
  echo: '',
  text: '',
  silent: '',
  full: '',
  reports: '',
  events: '',
  orders: '',
};
const requests: ConsumeMessage[] = [];
const reports: ConsumeMessage[] = [];

const RIDES = [
  { id: 'r1', city: 'ost', km: 12.5, meters: 9007199254740993n },
  { id: 'r2', city: 'west', km: 3, meters: 1n },
];

const toWire = ({ id, city, km, meters }: (typeof RIDES)[number]) =>
  `{"id":"${id}","city":"${city}","km":${km},"meters":${meters}}`;

const refusal = (code: string, message = 'told to'): Reply => ({
  body: { code, message },
  options: { type: 'error' },
});

beforeAll(async () => {
  service = await AmqpService.connect(process.env.HEM_TEST_AMQP_URL ?? '');
  at.get = await service.answer('get', (body, request) => {
    requests.push(request);
    const ride = RIDES.find(({ id }) => id === (body as { id: string }).id);
    return ride === undefined ? refusal('NOT_FOUND') : { body: `{"ride":${toWire(ride)}}` };
  });
  at.list = await service.answer('list', (body, request) => {
    requests.push(request);
    return {
      body: `[${RIDES.map(toWire).join(',')}]`,
      options: { headers: { asked: JSON.stringify(body) } },
    };
  });
  at.echo = await service.answer('echo', async (body, request) => {
    requests.push(request);
    const { waitMs = 0 } = body as { waitMs?: number };
    await sleep(waitMs);
    return { body };
  });
  at.text = await service.answer('text', (body) => {
    switch ((body as { how: string }).how) {
      case 'text':
        return { body: 'plain', options: { contentType: 'text/plain' } };
      case 'empty':
        return { body: '' };
      case 'garbage':
        return { body: '{"half":' };
      case 'packed':
        return { body: 'H4sIAAAA', options: { contentEncoding: 'gzip' } };
      case 'large':
        return { body: JSON.stringify('x'.repeat(20_000)) };
      case 'header':
        return { body: 'not JSON either', options: { headers: { 'error-code': 'NO_SUCH_BIKE' } } };
      case 'nameless':
        return { body: 'boom', options: { type: 'error' } };
      case 'injected':
        return refusal('<script>');
      default:
        return refusal((body as { how: string }).how);
    }
  });
  at.silent = await service.queue('silent');
  at.full = await service.queue('full', { maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
  at.events = await service.exchange('events');
  at.reports = await service.exchange('reports');
  at.orders = await service.exchange('orders', 'direct');
  await service.channel.bindQueue(
    await service.take('inbox', (message) => void reports.push(message)),
    at.reports,
    'report.#',
  );
  await service.channel.bindQueue(at.echo, at.orders, 'echo');

  const schema = `
    type Query {
      ride(id: ID!): Ride @lookup @amqp(request: { routingKey: "${at.get}" }, select: "ride")
      mustRide(id: ID!): Ride! @amqp(request: { routingKey: "${at.get}" }, select: "ride")
      rides(city: String, first: Int = 5): [Ride!]!
        @amqp(request: { routingKey: "${at.list}" }, args: "{ place: $city, limit: $first, fixed: [1, true] }")
      text(how: String!): JSON @amqp(request: { routingKey: "${at.text}" })
      echo(waitMs: Int, tag: String, headers: JSON): JSON
        @amqp(request: { exchange: "${at.orders}", routingKey: "echo" }, headers: [{ name: "X-Tag", value: "<{tag}>" }])
      plainEcho(waitMs: Int, tag: String): JSON @amqp(request: { routingKey: "${at.echo}" })
      silent: JSON @amqp(request: { routingKey: "${at.silent}" })
      nobody(who: String!): JSON @amqp(request: { routingKey: "${service.name('nobody')}.{who}" })
      missing: JSON @amqp(request: { exchange: "${service.name('no-exchange')}", routingKey: "x" })
    }
    type Mutation {
      report(ride: ID!, problem: Problem!, note: String): Receipt
        @amqp(publish: { exchange: "${at.reports}", routingKey: "report.{problem}.{ride}" }, headers: [{ name: "ride", value: "{ride}" }])
      tell(ride: ID!): Boolean
        @amqp(publish: { exchange: "${at.reports}", routingKey: "other.{ride}" }, select: "published")
      mention(ride: ID!): Boolean
        @amqp(publish: { exchange: "${at.reports}", routingKey: "other.{ride}", mandatory: false, persistent: false }, select: "published")
      stuff(n: Int): Boolean @amqp(publish: { routingKey: "${at.full}" }, select: "published")
      lose: Boolean @amqp(publish: { exchange: "${service.name('no-exchange')}", routingKey: "x" }, select: "published")
      order(waitMs: Int): JSON @amqp(request: { routingKey: "${at.echo}" })
    }
    type Subscription {
      moved(city: String!): Ride @amqp(subscribe: { exchange: "${at.events}", routingKey: "ride.{city}.*" }, select: "ride")
      anything: JSON @amqp(subscribe: { exchange: "${at.events}", routingKey: "#" })
      nowhere: JSON @amqp(subscribe: { exchange: "${service.name('no-exchange')}", routingKey: "x" })
    }
    type Ride @key(fields: "id") {
      id: ID!
      city: String
      km: Float
      meters: BigInt
      others(first: Int): JSON @amqp(request: { routingKey: "${at.echo}" })
    }
    type Receipt { published: Boolean! messageId: ID! }
    enum Problem { BRAKES FLAT_TYRE @from(value: "flat") }
  `;
  gateway = await startGateway({
    files: {
      'connectors/rides/connector.yml': `
kind: amqp
endpoint: \${env:AMQP_URL}
timeouts: { request: 2s }
limits: { responseBytes: 10KB }
headers: { forward: [x-tenant], set: { x-from: gateway } }
codes: { GONE_HOME: not-found }
errors: { detail: public }
`,
      'connectors/rides/schema.graphql': schema,
      'schemas/web.graphql': schema.replace(
        /@amqp\((?:[^()"]|"[^"]*")*\)|@lookup|@key\([^)]*\)|@from\([^)]*\)/g,
        '',
      ),
      'clients/web/client.yml': '{}',
    },
    env: { AMQP_URL: process.env.HEM_TEST_AMQP_URL ?? '' },
  });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
});

/** The only error's extensions. */
async function failure(query: string, variables?: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { body } = await gateway.query('web', query, { variables });
  expect(body.errors, JSON.stringify(body)).toHaveLength(1);
  return body.errors![0]!.extensions;
}

async function data(query: string, headers: Record<string, string> = {}): Promise<unknown> {
  const { body } = await gateway.query('web', query, { headers });
  expect(body.errors).toBeUndefined();
  return body.data;
}

describe('requests', () => {
  test('all arguments by name are the body, and the selected part of the reply is the record', async () => {
    requests.length = 0;
    expect(await data('{ ride(id: "r1") { id city km meters } }')).toEqual({
      ride: { id: 'r1', city: 'ost', km: 12.5, meters: '9007199254740993' },
    });
    const [{ content, properties }] = requests as [ConsumeMessage];
    expect(JSON.parse(content.toString())).toEqual({ id: 'r1' });
    expect(properties).toMatchObject({
      contentType: 'application/json',
      correlationId: expect.stringMatching(/^.{16}-/),
      replyTo: expect.stringMatching(/^amq\.rabbitmq\.reply-to\./),
    });
    // No longer than the call.
    expect(Number(properties.expiration)).toBeGreaterThan(1000);
    expect(Number(properties.expiration)).toBeLessThanOrEqual(2000);
  });

  test('a literal is the body as written, defaults included, absent ones left out', async () => {
    requests.length = 0;
    const { rides } = (await data('{ rides { id } }')) as { rides: unknown };
    expect(rides).toEqual([{ id: 'r1' }, { id: 'r2' }]);
    expect(JSON.parse(requests[0]!.content.toString())).toEqual({ limit: 5, fixed: [1, true] });
    await data('{ rides(city: "ost", first: 1) { id } }');
    expect(JSON.parse(requests[1]!.content.toString())).toEqual({ place: 'ost', limit: 1, fixed: [1, true] });
  });

  test('a field of a record sends the record’s key with its arguments', async () => {
    expect(await data('{ ride(id: "r2") { others(first: 3) } }')).toEqual({
      ride: { others: { id: 'r2', first: 3 } },
    });
  });

  test('headers: forwarded, set, the request’s id, the binding’s own; never credentials', async () => {
    requests.length = 0;
    await data('{ echo(tag: "a b") }', { 'x-tenant': 't1', 'x-secret': 'no', authorization: 'Bearer no' });
    expect(requests[0]!.properties.headers).toEqual({
      'x-tenant': 't1',
      'x-from': 'gateway',
      'x-request-id': expect.any(String),
      'X-Tag': '<a b>',
    });
    expect(await failure('{ echo(waitMs: 0) }')).toMatchObject({ code: 'BAD_ARGUMENT', connector: 'rides' });
  });

  test('headers of one message are not on the next, whichever of them have any', async () => {
    requests.length = 0;
    await data('{ echo(tag: "one") }', { 'x-tenant': 't1' });
    await data('{ plainEcho }');
    await data('{ plainEcho }', { 'x-tenant': 't2' });
    await Promise.all([
      data('{ echo(tag: "two") }'),
      data('{ plainEcho }', { 'x-tenant': 't3' }),
      data('{ plainEcho }'),
    ]);
    const sent = requests.map(({ properties: { headers } }) => {
      const { 'x-tenant': tenant, 'x-from': from, 'x-request-id': id, 'X-Tag': tag, ...others } = headers!;
      expect([from, others]).toEqual(['gateway', {}]);
      expect(id).toMatch(/./);
      return [tenant, tag];
    });
    expect(sent.slice(0, 3)).toEqual([
      ['t1', '<one>'],
      [undefined, undefined],
      ['t2', undefined],
    ]);
    expect(new Set(sent.slice(3).map(String))).toEqual(new Set([',<two>', 't3,', ',']));
    expect(new Set(requests.map(({ properties }) => properties.headers!['x-request-id'])).size).toBe(6);
  });

  test('a hundred at once each get their own answer, whatever the order', async () => {
    const ask = async (from: number) => {
      const fields = Array.from({ length: 50 }, (_, index) => {
        const tag = from + index;
        return `f${tag}: plainEcho(waitMs: ${(tag * 37) % 50}, tag: "${tag}")`;
      });
      return (await data(`{ ${fields.join(' ')} }`)) as Record<string, { tag: string }>;
    };
    const [some, others] = await Promise.all([ask(0), ask(50)]);
    const answers = Object.entries({ ...some, ...others });
    expect(answers).toHaveLength(100);
    for (const [name, { tag }] of answers) expect(`f${tag}`).toBe(name);
  });

  test('names of every object’s prototype are data', async () => {
    const { body } = await gateway.query('web', 'query ($h: JSON) { echo(tag: "x", headers: $h) }', {
      variables: { h: JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}') as object },
    });
    expect(JSON.stringify(body.data.echo.headers)).toBe('{"__proto__":{"polluted":1},"constructor":2}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('text is text, nothing is null, and what cannot be read is an error', async () => {
    expect(await data('{ text(how: "text") }')).toEqual({ text: 'plain' });
    expect(await data('{ text(how: "empty") }')).toEqual({ text: null });
    for (const how of ['garbage', 'packed', 'large']) {
      expect(await failure(`{ text(how: "${how}") }`)).toMatchObject({
        code: 'UPSTREAM_INVALID',
        connector: 'rides',
        coordinate: 'Query.text',
      });
    }
  });

  test('a mutation may ask too', async () => {
    expect(await data('mutation { order(waitMs: 1) }')).toEqual({ order: { waitMs: 1 } });
  });
});

describe('error replies', () => {
  test('nothing found is null for a lookup and an error elsewhere', async () => {
    expect(await data('{ ride(id: "r9") { id } }')).toEqual({ ride: null });
    expect(await failure('{ mustRide(id: "r9") { id } }')).toMatchObject({
      code: 'UPSTREAM_NOT_FOUND',
      status: 'NOT_FOUND',
      connector: 'rides',
      detail: { code: 'NOT_FOUND', message: 'told to' },
    });
  });

  test.each([
    ['SOLD', 'UPSTREAM_REJECTED', 'SOLD'],
    ['CONFLICT', 'UPSTREAM_CONFLICT', 'CONFLICT'],
    ['403', 'UPSTREAM_DENIED', '403'],
    ['RATE_LIMITED', 'UPSTREAM_LIMITED', 'RATE_LIMITED'],
    ['UNAVAILABLE', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    ['500', 'UPSTREAM_FAILED', '500'],
    ['DEADLINE_EXCEEDED', 'UPSTREAM_TIMEOUT', 'DEADLINE_EXCEEDED'],
    ['GONE_HOME', 'UPSTREAM_NOT_FOUND', 'GONE_HOME'],
    ['header', 'UPSTREAM_REJECTED', 'NO_SUCH_BIKE'],
    ['nameless', 'UPSTREAM_REJECTED', undefined],
    ['injected', 'UPSTREAM_REJECTED', undefined],
    ['toString', 'UPSTREAM_REJECTED', 'toString'],
  ])('%s is %s', async (how, code, status) => {
    const extensions = await failure(`{ text(how: "${how}") }`);
    expect(extensions).toMatchObject({ code, connector: 'rides' });
    expect(extensions.status).toBe(status);
  });
});

describe('routing keys', () => {
  test.each(['', 'a.b', '*', '#', 'a*', 'a\nb', '\u0000', '\ud800', 'x'.repeat(256)])(
    'refuse %j',
    async (who) => {
      expect(await failure('query ($who: String!) { nobody(who: $who) }', { who })).toMatchObject({
        code: 'BAD_ARGUMENT',
        connector: 'rides',
      });
    },
  );

  test('so do headers, what would become something else on the way', async () => {
    expect(await failure('query ($tag: String) { echo(tag: $tag) }', { tag: 'a\ud800' })).toMatchObject({
      code: 'BAD_ARGUMENT',
      connector: 'rides',
    });
  });

  test('take anything else, in any language', async () => {
    expect(await failure('{ nobody(who: "žluť / ?&=%2e $x") }')).toMatchObject({ status: '312' });
  });
});

describe('nobody there', () => {
  test('a request that no queue takes fails at once', async () => {
    const startedAt = performance.now();
    expect(await failure('{ nobody(who: "x") }')).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      status: '312',
    });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('a missing exchange fails its own calls and no others', async () => {
    const slow = gateway.query('web', '{ plainEcho(waitMs: 300) }');
    await sleep(50);
    expect(await failure('{ missing }')).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', status: '404' });
    expect(await failure('mutation { lose }')).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', status: '404' });
    expect((await slow).body).toEqual({ data: { plainEcho: { waitMs: 300 } } });
  });

  test('a silent service is given up at the deadline, and later does not see the request', async () => {
    const startedAt = performance.now();
    expect(await failure('{ silent }')).toMatchObject({ code: 'UPSTREAM_TIMEOUT', connector: 'rides' });
    expect(performance.now() - startedAt).toBeGreaterThan(1900);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    await sleep(100);
    expect(await service.channel.get(at.silent)).toBe(false);
  });
});

describe('publications', () => {
  test('are confirmed, and say under which id', async () => {
    reports.length = 0;
    const { report } = (await data(
      'mutation { report(ride: "r1", problem: FLAT_TYRE) { published messageId } }',
    )) as {
      report: { published: boolean; messageId: string };
    };
    expect(report.published).toBe(true);
    await expect.poll(() => reports.length).toBe(1);
    const [{ fields, properties, content }] = reports as [ConsumeMessage];
    expect(fields).toMatchObject({ exchange: at.reports, routingKey: 'report.flat.r1' });
    expect(properties).toMatchObject({
      messageId: report.messageId,
      deliveryMode: 2,
      contentType: 'application/json',
      headers: { ride: 'r1', 'x-from': 'gateway' },
    });
    expect(Math.abs(properties.timestamp - Date.now() / 1000)).toBeLessThan(5);
    expect(JSON.parse(content.toString())).toEqual({ ride: 'r1', problem: 'flat' });
  });

  test('fail when no queue takes them, unless that does not matter', async () => {
    expect(await failure('mutation { tell(ride: "r1") }')).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      status: '312',
    });
    expect(await data('mutation { mention(ride: "r1") }')).toEqual({ mention: true });
  });

  test('fail when the broker refuses to take them', async () => {
    expect(await data('mutation { stuff(n: 1) }')).toEqual({ stuff: true });
    expect(await failure('mutation { stuff(n: 2) }')).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });

  test('do not go where a value would lead them', async () => {
    expect(await failure('mutation { tell(ride: "r1.flat") }')).toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('subscriptions', () => {
  test('events arrive by routing key, also in the text’s wildcards, and nothing else', async () => {
    const events = gateway.subscribe('web', 'subscription { moved(city: "ost") { id km } }');
    const first = events.next();
    await service.publishOnceHeard(at.events, 'ride.ost.moved', { ride: { id: 'first' } });
    expect((await first).value).toEqual({ data: { moved: { id: 'first', km: null } } });
    await service.publish(at.events, 'ride.west.moved', { ride: { id: 'elsewhere' } });
    await service.publish(at.events, 'ride.ost.moved.far', { ride: { id: 'too deep' } });
    await service.publish(at.events, 'ride.ost.ended', { ride: { id: 'second', km: 2 } });
    expect((await nextUnlike(events, 'first')).data).toEqual({ moved: { id: 'second', km: 2 } });
    await events.return?.();
  });

  test('the queue goes with the last subscriber', async () => {
    const subscriptions = [1, 2].map(() =>
      gateway.subscribe('web', 'subscription { moved(city: "north") { id } }'),
    );
    const firsts = subscriptions.map((events) => events.next());
    await service.publishOnceHeard(at.events, 'ride.north.moved', { ride: { id: '1' } });
    await Promise.all(firsts);
    await subscriptions[0]!.return?.();
    await sleep(100);
    expect(await service.publish(at.events, 'ride.north.moved', { ride: { id: '2' } })).toBe(true);
    await subscriptions[1]!.return?.();
    await expect
      .poll(() => service.publish(at.events, 'ride.north.moved', {}), { timeout: 5000 })
      .toBe(false);
  });

  test('what is not JSON is passed over', async () => {
    const events = gateway.subscribe('web', 'subscription { anything }');
    const first = events.next();
    await service.publishOnceHeard(at.events, 'x', 1);
    await first;
    for (const body of ['{"half":', Buffer.from([0xff, 0xfe]), 'x'.repeat(20_000)]) {
      await service.publish(at.events, 'x', body);
    }
    await service.publish(at.events, 'x', 2);
    expect((await nextUnlike(events, 1)).data).toEqual({ anything: 2 });
    await events.return?.();
  });

  test('an exchange that is missing is an error that ends the stream', async () => {
    const events = gateway.subscribe('web', 'subscription { nowhere }');
    const results = [];
    try {
      for await (const result of events) results.push(...(result.errors ?? []));
    } catch (error) {
      results.push(...(error as Array<{ extensions: object }>));
    }
    expect(results).toMatchObject([
      { extensions: { code: 'UPSTREAM_UNAVAILABLE', status: '404', connector: 'rides' } },
    ]);
  });

  test('a value cannot widen what is subscribed to', async () => {
    const events = gateway.subscribe('web', 'subscription { moved(city: "#") { id } }');
    const outcome = await events.next().then(
      ({ value }) => value?.errors,
      (error) => error,
    );
    expect(outcome).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
  });
});

/** Publishing until it is heard may deliver the first event several times. */
async function nextUnlike(
  events: AsyncIterableIterator<{ data?: Record<string, unknown> }>,
  first: unknown,
): Promise<{ data?: Record<string, unknown> }> {
  for (;;) {
    const { value } = await events.next();
    const [event] = Object.values((value?.data ?? {}) as Record<string, unknown>);
    const id = typeof event === 'object' && event !== null ? (event as { id: unknown }).id : event;
    if (id !== first) return value;
  }
}

/** Connections to RabbitMQ that are cut, hang or are refused, through a gateway. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const url = () => process.env.HEM_TEST_AMQP_URL ?? '';
let service: AmqpService;
let echo: string;
let exchange: string;
let proxy: TcpProxy & { readonly url: string };
let gateway: TestGateway;
let processed: unknown[] = [];

beforeAll(async () => {
  service = await AmqpService.connect(url());
  echo = await service.answer('echo', async (body) => {
    processed.push(body);
    await sleep((body as { waitMs: number }).waitMs);
    return { body };
  });
  exchange = await service.exchange('events');
  await service.channel.bindQueue(await service.take('sink', () => {}), exchange, 'sink');
});

afterAll(() => service?.[Symbol.asyncDispose]());

beforeEach(async () => {
  processed = [];
  proxy = await TcpProxy.before(url());
  gateway = await startGatewayAt(proxy.url);
});

afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
});

function startGatewayAt(
  endpoint: string,
  settings = '',
  reconnect = '{ min: 20ms, max: 100ms }',
): Promise<TestGateway> {
  const schema = `
    type Query {
      echo(waitMs: Int = 0, tag: String): JSON @amqp(request: { routingKey: "${echo}" })
      other: JSON @fallback(value: "still here") @amqp(request: { routingKey: "${echo}" })
    }
    type Mutation { send(n: Int): Boolean @amqp(publish: { exchange: "${exchange}", routingKey: "sink" }, select: "published") }
    type Subscription { events(city: String!): JSON @amqp(subscribe: { exchange: "${exchange}", routingKey: "ride.{city}" }) }
  `;
  return startGateway({
    files: {
      'connectors/rides/connector.yml': `
kind: amqp
endpoint: \${env:AMQP_URL}
timeouts: { connect: 1s, request: 2s }
reconnect: ${reconnect}
heartbeat: 1s
resilience: { breaker: { enabled: false } }
${settings}`,
      'connectors/rides/schema.graphql': schema,
      'schemas/web.graphql': schema.replace(/@amqp\((?:[^()"]|"[^"]*")*\)|@fallback\([^)]*\)/g, ''),
      'clients/web/client.yml': '{}',
    },
    env: { AMQP_URL: endpoint },
  });
}

async function outcome(query: string): Promise<{ body: GraphQLBody; code: unknown; tookMs: number }> {
  const startedAt = performance.now();
  const { body } = await gateway.query('web', query);
  return { body, code: body.errors?.[0]?.extensions.code, tookMs: performance.now() - startedAt };
}

const works = () =>
  expect.poll(async () => (await outcome('{ echo }')).code, { timeout: 5000, interval: 20 }).toBeUndefined();

test('calls in flight fail at once when the connection is lost, once each, and are not sent again', async () => {
  await works();
  processed = [];
  const calls = Array.from({ length: 20 }, (_, index) => outcome(`{ echo(waitMs: 1000, tag: "${index}") }`));
  await expect.poll(() => processed.length).toBe(20);
  proxy.cut();
  for (const { code, tookMs, body } of await Promise.all(calls)) {
    expect(code).toBe('UPSTREAM_UNAVAILABLE');
    expect(body.errors?.[0]?.extensions).toMatchObject({ connector: 'rides', coordinate: 'Query.echo' });
    expect(tookMs).toBeLessThan(1000);
  }
  await works();
  await sleep(1100);
  expect(processed.filter((body) => (body as { waitMs: number }).waitMs === 1000)).toHaveLength(20);
});

test('a publication without its confirmation fails at once too', async () => {
  expect((await outcome('mutation { send }')).code).toBeUndefined();
  proxy.delay(300);
  const sending = outcome('mutation { send(n: 1) }');
  await sleep(50);
  proxy.cut();
  const { code, tookMs } = await sending;
  expect(code).toBe('UPSTREAM_UNAVAILABLE');
  expect(tookMs).toBeLessThan(1000);
  proxy.delay(0);
  await expect.poll(async () => (await outcome('mutation { send }')).code, { timeout: 5000 }).toBeUndefined();
});

test('without a broker everything that needs it fails quickly and names it; the rest is answered', async () => {
  proxy.refuse();
  const { body, tookMs } = await outcome('{ echo other }');
  expect(body.data).toEqual({ echo: null, other: 'still here' });
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', connector: 'rides' });
  expect(tookMs).toBeLessThan(1500);
  const accepted = proxy.accepted;
  const many = await Promise.all(Array.from({ length: 50 }, () => outcome('{ echo }')));
  expect(new Set(many.map(({ code }) => code))).toEqual(new Set(['UPSTREAM_UNAVAILABLE']));
  // They did not all try to connect.
  expect(proxy.accepted - accepted).toBeLessThan(10);
  proxy.accept();
  await works();
});

test('a broker that hangs costs a call its time and no more, and the connection is given up after two heartbeats', async () => {
  await works();
  const accepted = proxy.accepted;
  proxy.hang();
  const { code, tookMs } = await outcome('{ echo }');
  expect(code).toBe('UPSTREAM_TIMEOUT');
  expect(tookMs).toBeGreaterThan(1900);
  expect(tookMs).toBeLessThan(3000);
  // New connections hang as well.
  await expect.poll(() => proxy.accepted, { timeout: 5000 }).toBeGreaterThan(accepted);
  expect(await outcome('{ echo }')).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  proxy.resume();
  await works();
});

test('a broker that hangs while connecting fails the calls in time', async () => {
  proxy.hang();
  const { code, tookMs } = await outcome('{ echo }');
  expect(code).toBe('UPSTREAM_UNAVAILABLE');
  expect(tookMs).toBeLessThan(1800);
  proxy.resume();
  await works();
});

test('a subscription outlives its connection, and says that events may be missing', async () => {
  const events = gateway.subscribe('web', 'subscription { events(city: "ost") }');
  const first = events.next();
  await service.publishOnceHeard(exchange, 'ride.ost', 1);
  expect((await first).value).toEqual({ data: { events: 1 } });
  for (const round of [2, 3]) {
    proxy.cut();
    const gap = (await events.next()).value;
    expect(gap?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_GAP', connector: 'rides' } }]);
    await service.publishOnceHeard(exchange, 'ride.ost', round);
    expect((await events.next()).value).toEqual({ data: { events: round } });
  }
  await events.return?.();
});

test('a subscription that brings events outlives more losses of its connection than there are attempts', async () => {
  await using gateway = await startGatewayAt(proxy.url, '', '{ min: 20ms, max: 100ms, attempts: 2 }');
  const events = gateway.subscribe('web', 'subscription { events(city: "up") }');
  let event = events.next();
  for (const round of [1, 2, 3, 4, 5]) {
    await service.publishOnceHeard(exchange, 'ride.up', round);
    expect((await event).value).toEqual({ data: { events: round } });
    proxy.cut();
    expect((await events.next()).value?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_GAP' } }]);
    event = events.next();
  }
  await events.return?.();
});

test('calls that are answered are not made in vain over a connection that is lost again and again', async () => {
  for (let round = 0; round < 5; round++) {
    expect((await outcome('{ echo }')).code).toBeUndefined();
    proxy.cut();
    // The loss has come here, too.
    await sleep(10);
  }
});

test('a subscription that nothing can repair ends with an error', async () => {
  const events = gateway.subscribe('web', 'subscription { events(city: "west") }');
  const first = events.next();
  await service.publishOnceHeard(exchange, 'ride.west', 1);
  await first;
  const accepted = proxy.accepted;
  proxy.refuse();
  const errors: unknown[] = [];
  try {
    for await (const event of events) errors.push(...(event.errors ?? []));
  } catch (error) {
    errors.push(...(error as unknown[]));
  }
  expect(errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'rides' } }]);
  // Ten in vain; the one that was lost had brought an event.
  expect(proxy.accepted - accepted).toBe(10);
  // Nobody is subscribed, so nobody tries any more.
  await sleep(300);
  expect(proxy.accepted - accepted).toBe(10);
  const refused = gateway.subscribe('web', 'subscription { events(city: "west") }').next();
  expect(
    await refused.then(
      ({ value }) => value?.errors,
      (error) => error,
    ),
  ).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
  proxy.accept();
  // Longer than the longest back-off.
  await sleep(200);
  const again = gateway.subscribe('web', 'subscription { events(city: "west") }');
  const event = again.next();
  await service.publishOnceHeard(exchange, 'ride.west', 2);
  expect((await event).value).toEqual({ data: { events: 2 } });
  await again.return?.();
});

test('who joins a subscription that has lost its broker is told at once; who was there before goes on', async () => {
  await using gateway = await startGatewayAt(proxy.url, '', '{ min: 100ms, max: 30s }');
  const subscribe = () => gateway.subscribe('web', 'subscription { events(city: "north") }');
  const events = subscribe();
  const first = events.next();
  await service.publishOnceHeard(exchange, 'ride.north', 1);
  await first;
  const { accepted } = proxy;
  proxy.refuse();
  await expect.poll(() => proxy.accepted - accepted, { timeout: 5000 }).toBeGreaterThan(1);
  // More of them than there are attempts.
  for (let count = 0; count < 15; count++) {
    const { value } = await subscribe().next();
    expect(value?.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'rides' } },
    ]);
  }
  proxy.accept();
  expect((await events.next()).value?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_GAP' } }]);
  const event = events.next();
  await service.publishOnceHeard(exchange, 'ride.north', 2);
  expect((await event).value).toEqual({ data: { events: 2 } });
  await events.return?.();
});

test('queries and events go over connections of their own', async () => {
  const events = gateway.subscribe('web', 'subscription { events(city: "east") }');
  const first = events.next();
  await service.publishOnceHeard(exchange, 'ride.east', 1);
  await first;
  await works();
  await outcome('mutation { send }');
  expect(proxy.connections).toBe(2);
  await events.return?.();
});

test('a broker that hangs up on whoever has just come is asked less and less often', async () => {
  await using gateway = await startGatewayAt(proxy.url, '', '{ min: 100ms, max: 30s, attempts: 4 }');
  const events = gateway.subscribe('web', 'subscription { events(city: "south") }');
  const first = events.next();
  await service.publishOnceHeard(exchange, 'ride.south', 1);
  await first;
  await gateway.query('web', '{ echo }');
  const hangUp = setInterval(() => proxy.cut(), 150);
  const errors: unknown[] = [];
  for (let next = await events.next(); !next.done; next = await events.next())
    errors.push(...(next.value.errors ?? []));
  expect(errors.at(-1)).toMatchObject({ extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'rides' } });
  const { accepted } = proxy;
  await sleep(1500);
  // Only the connection for messages is still wanted, and after four in vain there are some 600 ms between two.
  expect(proxy.accepted - accepted).toBeLessThanOrEqual(4);
  // Who asks in the moment that a connection lives is answered.
  await expect.poll(() => proxy.connections, { interval: 5, timeout: 5000 }).toBe(0);
  const startedAt = performance.now();
  const { body } = await gateway.query('web', '{ echo }');
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', connector: 'rides' });
  expect(performance.now() - startedAt).toBeLessThan(1000);
  clearInterval(hangUp);
}, 20_000);

test('a login that is refused is an error of its own', async () => {
  const wrong = new URL(url());
  wrong.password = 'wrong';
  const nowhere = new URL(url());
  nowhere.pathname = '/nowhere';
  for (const endpoint of [wrong, nowhere]) {
    await using refused = await startGatewayAt(endpoint.href);
    const { body } = await refused.query('web', '{ echo }');
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_DENIED', connector: 'rides' });
    expect(JSON.stringify(body)).not.toContain('wrong');
  }
  const bare = new URL(url());
  const { username, password } = bare;
  bare.username = '';
  bare.password = '';
  await using basic = await startGatewayAt(
    bare.href,
    `auth: { basic: { username: ${username}, password: ${password} } }`,
  );
  expect((await basic.query('web', '{ echo }')).body.errors).toBeUndefined();
});

/** Traces of requests through all doors to backends of all kinds, as a collector gets them. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readBaggage, readTrace } from '../../src/metrics/trace-headers.ts';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { GrpcBackend, protoFile } from '../support/backends/grpc/server.ts';
import { INVOICES } from '../support/backends/soap/gateway.ts';
import { type SoapBackend, startTextServer } from '../support/backends/soap/server.ts';
import { EnvelopeBackend } from '../support/backends/websocket-envelope.ts';
import { type RpcBackend, startRpcBackend } from '../support/backends/websocket-rpc.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { Collector } from './collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
/** What each kind of backend was told last. */
const KINDS = ['rest', 'graphql', 'grpc', 'soap', 'amqp', 'websocket', 'jsonrpc'] as const;
const QUERY =
  'query All { rest graphql: rider(id: "1") { name } grpc: count soap: invoices amqp dock { id } echo { json } }';
const COORDINATES: Readonly<Record<(typeof KINDS)[number], string>> = {
  rest: 'Query.rest',
  graphql: 'Query.rider',
  grpc: 'Query.count',
  soap: 'Query.invoices',
  amqp: 'Query.amqp',
  websocket: 'Query.dock',
  jsonrpc: 'Query.echo',
};

let collector: Collector;
let riders: RidersBackend;
let shapes: GrpcBackend;
let soap: SoapBackend;
let rides: AmqpService;
let docks: EnvelopeBackend;
let rpc: RpcBackend;
let echoed: string;
let rest: ReturnType<typeof createServer>;
let restHeaders: IncomingHttpHeaders;
let restCalls = 0;
let amqpHeaders: Readonly<Record<string, unknown>>;
let files: Readonly<Record<string, string | Buffer>>;
let gateway: TestGateway;
const everything = new AsyncDisposableStack();

beforeAll(async () => {
  collector = everything.use(await Collector.start());
  riders = everything.use(await RidersBackend.start());
  shapes = everything.use(await GrpcBackend.start());
  soap = everything.use(await startTextServer(() => 'nothing that could be read'));
  docks = everything.use(await EnvelopeBackend.start());
  rpc = everything.use(await startRpcBackend());
  rides = everything.use(await AmqpService.connect(process.env.HEM_TEST_AMQP_URL!));
  const queue = await rides.answer('traced', (_body, { properties }) => {
    amqpHeaders = properties.headers ?? {};
    return { body: { text: 'fine' } };
  });
  rest = createServer(({ headers }, response) => {
    restHeaders = headers;
    restCalls++;
    response.writeHead(200, { 'content-type': 'application/json' }).end('"fine"');
  });
  rest.listen(0, '127.0.0.1');
  await once(rest, 'listening');
  everything.defer(() => {
    rest.closeAllConnections();
    rest.close();
  });
  files = {
    'connectors/rest/connector.yml': `kind: rest\nendpoint: http://127.0.0.1:${(rest.address() as AddressInfo).port}\nheaders: { forward: [traceparent] }`,
    'connectors/rest/schema.graphql':
      'type Query { rest: String @rest(get: "/x") @cacheControl(maxAge: 60) }',
    'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders.url}\nspec: riders.graphql`,
    'connectors/riders/riders.graphql': RIDERS_SDL,
    'connectors/riders/schema.graphql': `type Query { rider(id: ID!): Rider @graphql }  type Rider { id: ID!  name: String }
      type Subscription { ticks(count: Int!): Int @graphql }`,
    'connectors/shapes/connector.yml': `kind: grpc\nendpoint: ${shapes.url}\nproto: shapes.proto`,
    'connectors/shapes/shapes.proto': readFileSync(protoFile('shapes.proto')),
    'connectors/shapes/common/money.proto': readFileSync(protoFile('common/money.proto')),
    'connectors/shapes/schema.graphql':
      'type Query { count: BigInt @grpc(method: "shapes.v1.Shapes/CountThings") }',
    'connectors/billing/connector.yml': `kind: soap\nendpoint: ${soap.url}\nwsdl: invoices.wsdl`,
    'connectors/billing/schema.graphql': 'type Query { invoices: Int @soap(operation: "CountInvoices") }',
    ...Object.fromEntries(
      Object.entries(INVOICES).map(([path, text]) => [`connectors/billing/${path}`, text]),
    ),
    'connectors/docks/connector.yml': `kind: websocket\nendpoint: ${docks.url}\nenvelope:
  request: "{ id: $id, action: $method, body: $params, meta: { own: 1 } }"
  response: { where: { kind: answer }, id: id, result: body }\ntrace: meta.trace`,
    'connectors/docks/schema.graphql': `type Query { dock: Dock @websocket(call: "docks.get", args: "{ id: 1 }") }  type Dock { id: ID }`,
    'connectors/rpc/connector.yml': `kind: websocket\nendpoint: ${rpc.url}\ntrace: params._meta`,
    'connectors/rpc/schema.graphql': `type Query { echo: Echo @websocket(call: "echo") }  type Echo { json: String }`,
    'connectors/rides/connector.yml': `kind: amqp\nendpoint: ${process.env.HEM_TEST_AMQP_URL}`,
    'connectors/rides/schema.graphql': `type Query { amqp: String @amqp(request: { routingKey: "${queue}" }, select: "text") }`,
    'schemas/web.graphql': `type Query { rest: String  rider(id: ID!): Rider  count: BigInt  invoices: Int  amqp: String  dock: Dock  echo: Echo }
      type Dock { id: ID }  type Echo { json: String }
      type Rider { name: String }  type Subscription { ticks(count: Int!): Int }`,
    'clients/web/client.yml': 'batching: { max: 3 }',
    'connectors/shared/connector.yml': `kind: rest\nendpoint: http://127.0.0.1:${(rest.address() as AddressInfo).port}\ncache: { maxAge: 30s }`,
    'connectors/shared/schema.graphql':
      'type Query { shared: String @rest(get: "/shared") }  type Mutation { change: String @rest(post: "/changed") }',
    'connectors/docks-together/connector.yml': `kind: websocket\nendpoint: ${rpc.url}\ntrace: params._meta\ndedupe: true`,
    'connectors/docks-together/schema.graphql': `type Query { together: Together @websocket(call: "echo") }  type Together { json: String }`,
    'clients/sharing/client.yml': '{}',
    'schemas/sharing.graphql':
      'type Query { shared: String  together: Together }  type Mutation { change: String }  type Together { json: String }',
    'clients/kept/client.yml': 'cache: { responses: {} }',
    'schemas/kept.graphql': 'type Query { rest: String }',
  };
  gateway = everything.use(
    await start('sample: 1, trustCallers: true, service: edge, headers: { x-collector-key: abc }'),
  );
}, 60_000);
afterAll(() => everything.disposeAsync());

function start(traces: string): Promise<TestGateway> {
  return startGateway({
    files: { ...files, 'hem.yml': `telemetry: { traces: { endpoint: "${collector.url}", ${traces} } }` },
  });
}

interface Traced {
  readonly meta: { readonly trace?: Readonly<Record<string, unknown>> };
}

function told(): Readonly<Record<(typeof KINDS)[number], Readonly<Record<string, unknown>>>> {
  return {
    rest: restHeaders,
    graphql: riders.requests.at(-1)!.headers,
    grpc: shapes.seen.at(-1)!.metadata,
    soap: soap.seen.at(-1)!.headers,
    amqp: amqpHeaders,
    websocket: (docks.received.at(-1) as unknown as Traced).meta.trace ?? {},
    jsonrpc: JSON.parse(echoed)?._meta ?? {},
  };
}

let ids = 0;
async function ask(from: TestGateway, query: string, headers: Record<string, string> = {}) {
  const requestId = `traced-${process.pid}-${++ids}`;
  const { body } = await from.query('web', query, { headers: { 'x-request-id': requestId, ...headers } });
  if (query === QUERY) echoed = body.data.echo.json;
  return { requestId, body };
}

describe('an operation', () => {
  it('has the errors of an answer in parts, and no credentials that the caller wrote into names', async () => {
    const key = 'hem_live_abcdefghijklmnop';
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'multipart/mixed',
        'x-request-id': 'traced-in-parts',
      },
      body: JSON.stringify({ query: `query ${key} { rest ... @defer { invoices } }` }),
    });
    expect(await response.text()).toContain('UPSTREAM_INVALID');
    const spans = await collector.of('traced-in-parts');
    const operation = spans.find(({ kind }) => kind === 1)!;
    expect(operation.attributes).toMatchObject({
      'error.type': 'UPSTREAM_INVALID',
      'graphql.operation.name': '[secret]',
    });
  });
});

describe('a trusted caller’s trace', () => {
  it('goes on through the request, its operation and its calls, to every kind of backend', async () => {
    const { requestId } = await ask(gateway, QUERY, {
      traceparent: PARENT,
      tracestate: 'vendor=value',
      baggage: 'user=ada',
    });
    expect(docks.received.at(-1)).toMatchObject({ body: { id: 1 }, meta: { own: 1 } });
    const spans = await collector.of(requestId);
    expect(collector.headers['x-collector-key']).toBe('abc');
    const [request] = spans.filter(({ kind }) => kind === 2);
    expect(request).toMatchObject({
      traceId: TRACE,
      parentSpanId: 'b7ad6b7169203331',
      name: 'POST /web/graphql',
      service: 'edge',
      attributes: { 'http.request.method': 'POST', 'http.response.status_code': 200, 'hem.client': 'web' },
    });
    const [operation] = spans.filter(({ kind }) => kind === 1);
    expect(operation).toMatchObject({
      parentSpanId: request!.spanId,
      name: 'query',
      attributes: {
        'graphql.operation.type': 'query',
        'graphql.operation.name': 'All',
        'error.type': 'UPSTREAM_INVALID',
      },
    });
    const calls = spans.filter(({ kind }) => kind === 3);
    expect(calls).toHaveLength(KINDS.length);
    for (const kind of KINDS) {
      const call = calls.find(({ attributes }) => attributes['hem.coordinate'] === COORDINATES[kind])!;
      expect(call.parentSpanId).toBe(operation!.spanId);
      expect({ kind, code: call.attributes['error.type'] }).toEqual({
        kind,
        code: kind === 'soap' ? 'UPSTREAM_INVALID' : undefined,
      });
      expect({ kind, ...told()[kind] }).toMatchObject({
        kind,
        traceparent: `00-${TRACE}-${call.spanId}-01`,
        tracestate: 'vendor=value',
        baggage: 'user=ada',
      });
    }
  });

  it('goes on through a call whose answer is kept for others, without what else the caller says', async () => {
    const requestId = `traced-${process.pid}-kept`;
    const trace = TRACE.replace(/^0a/, '0b');
    const traceparent = PARENT.replace(TRACE, trace);
    const headers = { 'x-request-id': requestId, traceparent, baggage: 'user=ada' };
    await gateway.query('kept', '{ rest }', { headers });
    const [call] = (await collector.of(requestId)).filter(({ kind }) => kind === 3);
    expect(call?.attributes).toMatchObject({ 'hem.coordinate': 'Query.rest' });
    expect(restHeaders.traceparent).toBe(`00-${trace}-${call!.spanId}-01`);
    expect(restHeaders).not.toHaveProperty('baggage');
  });

  it('goes on through calls that others may share, which no baggage makes different', async () => {
    const before = restCalls;
    const trace = TRACE.replace(/^0a/, '0c');
    const traceparent = PARENT.replace(TRACE, trace);
    for (const baggage of ['user=ada', 'user=bob', 'user=cy']) {
      const headers = { traceparent, baggage };
      const { body } = await gateway.query('sharing', '{ shared together { json } }', { headers });
      expect(body).toMatchObject({ data: { shared: 'fine' } });
      const { _meta } = JSON.parse(body.data.together.json);
      expect(_meta).toMatchObject({ traceparent: expect.stringContaining(trace) });
      expect(_meta).not.toHaveProperty('baggage');
    }
    expect(restCalls - before).toBe(1);
    expect(restHeaders.traceparent).toContain(trace);
    expect(restHeaders).not.toHaveProperty('baggage');
    // Nobody else is given what a change answers.
    await gateway.query('sharing', 'mutation { change }', {
      headers: { traceparent, baggage: 'user=ada' },
    });
    expect(restHeaders.baggage).toBe('user=ada');
  });

  it('that is not sampled is none here, and backends are told so', async () => {
    const before = collector.spans.length;
    await ask(gateway, QUERY, { traceparent: PARENT.replace(/01$/, '00') });
    for (const headers of Object.values(told()))
      expect(headers.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    const { requestId } = await ask(gateway, '{ rest }');
    await collector.of(requestId);
    expect(collector.spans.slice(before).filter(({ traceId }) => traceId === TRACE)).toEqual([]);
  });
});

describe('another caller’s trace', () => {
  it('is linked, and backends are told of ours', async () => {
    await using untrusting = await start('sample: 1');
    const { requestId } = await ask(untrusting, QUERY, {
      traceparent: PARENT,
      tracestate: 'a=b',
      baggage: 'user=ada',
    });
    const spans = await collector.of(requestId);
    const [request] = spans.filter(({ kind }) => kind === 2);
    expect(request!.traceId).not.toBe(TRACE);
    expect(request!.parentSpanId ?? '').toBe('');
    expect(request!.links).toMatchObject([{ traceId: TRACE, spanId: 'b7ad6b7169203331' }]);
    for (const headers of Object.values(told())) {
      expect(headers.traceparent).toMatch(new RegExp(`^00-${request!.traceId}-`));
      expect(headers).not.toHaveProperty('baggage');
      expect(headers).not.toHaveProperty('tracestate');
    }
  });

  it.each([
    ['nonsense', 'nonsense'],
    ['zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['the version that is none', PARENT.replace(/^00/, 'ff')],
    ['more than version 0 has', `${PARENT}-00`],
    ['capitals', PARENT.toUpperCase()],
  ])('that is malformed begins a new one: %s', async (_what, traceparent) => {
    const { requestId } = await ask(gateway, '{ rest }', { traceparent });
    const [request] = (await collector.of(requestId)).filter(({ kind }) => kind === 2);
    expect(request!.parentSpanId ?? '').toBe('');
    expect(request!.links).toEqual([]);
  });
});

describe('at other doors', () => {
  it('each operation of a batch has a span', async () => {
    const requestId = `traced-${process.pid}-${++ids}`;
    await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId },
      body: JSON.stringify([{ query: '{ rest }' }, { query: '{ amqp }' }]),
    });
    const spans = await collector.of(requestId);
    expect(spans.filter(({ kind }) => kind === 1)).toHaveLength(2);
    expect(spans.filter(({ kind }) => kind === 3)).toHaveLength(2);
  });

  it('an operation on a websocket, and a subscription with its stream', async () => {
    const requestId = `traced-${process.pid}-${++ids}`;
    class Socket extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers: { 'x-request-id': requestId, traceparent: PARENT } });
      }
    }
    const client = createClient({
      url: `${gateway.url.replace('http', 'ws')}/web/graphql`,
      webSocketImpl: Socket,
      retryAttempts: 0,
      lazy: false,
    });
    const run = (query: string) =>
      new Promise<void>((resolve, reject) =>
        client.subscribe({ query }, { next() {}, error: reject, complete: resolve }),
      );
    await run('{ rest }');
    await run('subscription { ticks(count: 2) }');
    await client.dispose();
    await collector.of(`${requestId}:1`);
    await collector.of(`${requestId}:2`);
    const own = collector.spans.filter(({ attributes }) =>
      String(attributes['hem.request_id']).startsWith(requestId),
    );
    expect(own.map(({ name, traceId }) => [name, traceId])).toEqual([
      ['websocket /web/graphql', TRACE],
      ['websocket /web/graphql', TRACE],
    ]);
    const below = (id: string) => collector.spans.filter(({ parentSpanId }) => parentSpanId === id);
    const [subscription] = below(
      own.find(({ attributes }) => attributes['hem.request_id'] === `${requestId}:2`)!.spanId,
    );
    expect(subscription).toMatchObject({ name: 'subscription' });
    expect(below(subscription!.spanId)).toMatchObject([{ name: 'riders Subscription.ticks', kind: 3 }]);
  });
});

it('a collector that is away costs callers nothing', async () => {
  collector.status = 503;
  try {
    const { body } = await ask(gateway, '{ rest }');
    expect(body).toEqual({ data: { rest: 'fine' } });
  } finally {
    collector.status = 200;
  }
});

it('without settings nothing is traced, and headers go as connector.yml says', async () => {
  await using plain = await startGateway({ files });
  await ask(plain, QUERY, { traceparent: PARENT });
  expect(told().rest.traceparent).toBe(PARENT);
  for (const kind of KINDS.filter((one) => one !== 'rest'))
    expect(told()[kind]).not.toHaveProperty('traceparent');
});

describe('what comes in', () => {
  it('is bounded, and has nothing in it that a header may not have', () => {
    const tracestate = 'a=b';
    expect(readTrace({ traceparent: PARENT, tracestate })).toMatchObject({
      traceId: TRACE,
      flags: 1,
      tracestate,
    });
    for (const bad of ['x'.repeat(513), 'a=\u0000b', 'a=b\r\nx: y', 'ü'])
      expect(readTrace({ traceparent: PARENT, tracestate: bad })!.tracestate).toBeUndefined();
    expect(readBaggage({ baggage: 'x'.repeat(8193) })).toBeUndefined();
    expect(readBaggage({ baggage: 'a=b\r\nx: y' })).toBeUndefined();
    expect(readTrace({ traceparent: `01-${TRACE}-b7ad6b7169203331-09-more` })).toMatchObject({ flags: 1 });
  });
});

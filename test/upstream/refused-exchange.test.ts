/** A token in exchange that the backend does not take is exchanged anew, in whatever words of its protocol it says so. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { clientYml, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { EventReader } from '../doors/event-reader.ts';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { startGateway } from '../support/gateway.ts';

/** The first token is not taken. */
const isTaken = (authorization: unknown): boolean => authorization === 'Bearer token-2';

interface Backend extends AsyncDisposable {
  readonly connector: string;
  readonly binding: string;
  readonly files?: Readonly<Record<string, string>>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(
  handler: Handler,
  upgrades?: (server: ReturnType<typeof createServer>) => void,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(handler);
  upgrades?.(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const GRAPHQL = 'type Query { name: String } type Subscription { named: String }';
const overGraphql = (server: { readonly url: string } & AsyncDisposable, more = ''): Backend => ({
  ...server,
  connector: `kind: graphql\nspec: names.graphql\n${more}endpoint: ${server.url}`,
  binding: '@graphql',
  files: { 'names.graphql': GRAPHQL },
});
const asJson = { 'content-type': 'application/json' };

const SOAP = (body: string) =>
  `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:s="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"><e:Body>${body}</e:Body></e:Envelope>`;
const WSDL = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:n="urn:names" targetNamespace="urn:names">
  <types><x:schema targetNamespace="urn:names" elementFormDefault="qualified">
    <x:element name="Ask"><x:complexType><x:sequence/></x:complexType></x:element>
    <x:element name="Named"><x:complexType><x:sequence><x:element name="name" type="x:string"/></x:sequence></x:complexType></x:element>
  </x:schema></types>
  <message name="Ask"><part name="body" element="n:Ask"/></message>
  <message name="Named"><part name="body" element="n:Named"/></message>
  <portType name="Names"><operation name="Ask"><input message="n:Ask"/><output message="n:Named"/></operation></portType>
  <binding name="Names" type="n:Names"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Ask"><soap:operation soapAction="ask"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
  </binding>
  <service name="Names"><port name="Names" binding="n:Names"><soap:address location="http://127.0.0.1:1/"/></port></service>
</definitions>`;

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  async 'a fault about the credentials (SOAP)'() {
    const server = await serve(({ headers }, response) => {
      const isGood = isTaken(headers.authorization);
      response.writeHead(isGood ? 200 : 500, { 'content-type': 'text/xml' });
      response.end(
        SOAP(
          isGood
            ? '<Named xmlns="urn:names"><name>Ann</name></Named>'
            : '<e:Fault><faultcode>s:FailedAuthentication</faultcode><faultstring>who?</faultstring></e:Fault>',
        ),
      );
    });
    return {
      ...server,
      connector: `kind: soap\nwsdl: names.wsdl\nendpoint: ${server.url}`,
      binding: '@soap(operation: "Ask", select: "name")',
      files: { 'names.wsdl': WSDL },
    };
  },
  async 'an error of a field (GraphQL)'() {
    const server = await serve(({ headers }, response) => {
      const errors = [{ message: 'who?', path: ['name'], extensions: { code: 'UNAUTHENTICATED' } }];
      const answer = isTaken(headers.authorization)
        ? { data: { name: 'Ann' } }
        : { data: { name: null }, errors };
      response.writeHead(200, asJson).end(JSON.stringify(answer));
    });
    return overGraphql(server);
  },
  async 'an error reply (AMQP)'() {
    const url = process.env.HEM_TEST_AMQP_URL!;
    const service = await AmqpService.connect(url);
    const queue = await service.answer('names', (_body, { properties }) =>
      isTaken(properties.headers?.authorization)
        ? { body: { name: 'Ann' } }
        : { body: { code: 'UNAUTHENTICATED' }, options: { type: 'error' } },
    );
    return {
      connector: `kind: amqp\nendpoint: ${url}`,
      binding: `@amqp(request: { routingKey: "${queue}" }, select: "name")`,
      [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
    };
  },
};

/** Of subscriptions; each sends one event. */
const STREAMS: Readonly<Record<string, () => Promise<Backend>>> = {
  async 'a close code (GraphQL over websocket)'() {
    const server = await serve(
      (_request, response) => void response.writeHead(404).end(),
      (http) => {
        const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'graphql-transport-ws' });
        sockets.on('connection', (socket) =>
          socket.on('message', (data) => {
            const { type, id, payload } = JSON.parse(String(data));
            if (type === 'connection_init' && !isTaken(payload.authorization)) socket.close(4403, 'who?');
            else if (type === 'connection_init') socket.send('{"type":"connection_ack"}');
            else if (type === 'subscribe')
              socket.send(JSON.stringify({ id, type: 'next', payload: { data: { named: 'Ann' } } }));
          }),
        );
      },
    );
    return overGraphql(server);
  },
  async '401 (GraphQL over server-sent events)'() {
    const server = await serve(({ headers }, response) => {
      if (!isTaken(headers.authorization)) return response.writeHead(401).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: next\ndata: {"data":{"named":"Ann"}}\n\n');
    });
    return overGraphql(server, 'subscriptions: { protocol: sse }\n');
  },
};

let key: SigningKey;
beforeAll(async () => {
  key = await newKey('k1');
});

async function start({ connector, binding, files = {} }: Backend, root: 'Query' | 'Subscription') {
  let exchanges = 0;
  const issuer = await serve((_request, response) => {
    const answer = { access_token: `token-${++exchanges}`, token_type: 'Bearer', expires_in: 600 };
    response.writeHead(200, asJson).end(JSON.stringify(answer));
  });
  const exchange = { tokenUrl: issuer.url, clientId: 'hem', clientSecret: 'secret' };
  const field = root === 'Query' ? 'name' : 'named';
  const gateway = await startGateway({
    files: {
      'connectors/names/connector.yml': `${connector}\nidentity: ${JSON.stringify({ exchange })}`,
      'connectors/names/schema.graphql': `type ${root} { ${field}: String ${binding} }`,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`connectors/names/${name}`, text])),
      'connectors/other/connector.yml': `kind: rest\nendpoint: ${issuer.url}`,
      'connectors/other/schema.graphql': 'type Query { other: JSON @rest(get: "/") }',
      'schemas/web.graphql': `type Query { other: JSON${root === 'Query' ? ' name: String' : ''} } ${root === 'Query' ? '' : 'type Subscription { named: String }'}`,
      'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }),
    },
  });
  return {
    gateway,
    headers: { authorization: `Bearer ${await sign(key)}` },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

const DENIED = [{ extensions: { code: 'UPSTREAM_DENIED' } }];
// A token that was just got is kept for a moment, whoever refuses it.
const until = { timeout: 10_000, interval: 200 };

test.each(Object.entries(BACKENDS))('%s', async (_words, open) => {
  await using backend = await open();
  await using started = await start(backend, 'Query');
  const { gateway, headers } = started;
  expect((await gateway.query('web', '{ name }', { headers })).body.errors).toMatchObject(DENIED);
  await expect
    .poll(async () => (await gateway.query('web', '{ name }', { headers })).body.data, until)
    .toEqual({ name: 'Ann' });
});

test.each(Object.entries(STREAMS))('%s', async (_words, open) => {
  await using backend = await open();
  await using started = await start(backend, 'Subscription');
  const { gateway, headers } = started;
  const first = async () => {
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { ...headers, accept: 'text/event-stream', ...asJson },
      body: JSON.stringify({ query: 'subscription { named }' }),
    });
    const event = await EventReader.of(response).next();
    await response.body!.cancel().catch(() => {});
    return event!.data;
  };
  expect(await first()).toMatchObject({ errors: DENIED });
  await expect.poll(async () => (await first())?.data, until).toEqual({ named: 'Ann' });
});

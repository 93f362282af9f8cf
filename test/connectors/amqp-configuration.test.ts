/** What is found in an AMQP connector's files when they are loaded, all at once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigurationError } from '../../src/problems.ts';
import { PROTO_FOLDER } from '../support/backends/grpc/server.ts';
import { startGateway } from '../support/gateway.ts';

const pem = (name: string) => readFileSync(join(PROTO_FOLDER, 'tls', name), 'utf8');

async function problems(settings: string, schema: string): Promise<string[]> {
  try {
    await using _gateway = await startGateway({
      files: {
        'connectors/rides/connector.yml': `kind: amqp\n${settings}`,
        'connectors/rides/schema.graphql': schema,
        'schemas/web.graphql': 'type Query { ok: JSON }',
        'clients/web/client.yml': '{}',
      },
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(
      ({ rule, at, message, found, expected }) =>
        `${at.line}:${at.column} ${rule} ${message} ${found ?? ''} ${expected ?? ''}`,
    );
  }
}

const SCHEMA = 'type Query { ok: JSON @amqp(request: { routingKey: "x" }) }';

test('a connector that needs no broker to load', async () => {
  expect(await problems('endpoint: amqp://127.0.0.1:1/vhost', SCHEMA)).toEqual([]);
  const everything = `
endpoint: amqps://broker.invalid
login: EXTERNAL
tls: ${JSON.stringify({ certificate: pem('client.pem'), key: pem('client.key') })}
heartbeat: 30s
prefetch: 10
reconnect: { min: 50ms, max: 5s, attempts: 3 }
queues: { max: 5, length: 10, deadLetterExchange: dead, returns: 2 }
subscriber: { buffer: 5, patience: 1s }
errorReplies: { type: failure, header: code }
codes: { X: denied }`;
  expect(await problems(everything, SCHEMA)).toEqual([]);
});

test('every mistake in connector.yml at once', async () => {
  const found = await problems(
    `endpoint: "amqp://host/a/b?heartbeat=5"
auth: { header: { name: x-key, value: secret } }
login: EXTERNAL
heartbeat: 1500ms
prefetch: 0
reconnect: { min: 10s, max: 1s }
queues: { max: 5000, size: 1 }
codes: { X: fatal }
`,
    SCHEMA,
  );
  expect(found.map((line) => line.split(' ')[0])).toEqual(
    expect.arrayContaining(['5:12', '6:11', '7:12', '8:16', '8:22', '9:13']),
  );
  expect(found.join('\n')).toContain('"1s" to "600s"');
  expect(found.join('\n')).not.toContain('secret');
});

test('the endpoint and the login have to fit', async () => {
  expect(
    await problems(
      'endpoint: "amqp://host/a/b?heartbeat=5"\nauth: { header: { name: x-key, value: secret } }\nlogin: EXTERNAL\n',
      SCHEMA,
    ),
  ).toEqual([
    expect.stringMatching(/^2:11 amqp-endpoint The endpoint has no query and no fragment\. \?heartbeat=5/),
    expect.stringMatching(/^2:11 amqp-endpoint The path of the endpoint is the virtual host, one segment\./),
    expect.stringMatching(/^3:7 amqp-auth A broker is not logged into with a header\./),
    expect.stringMatching(/^3:7 amqp-auth With login: EXTERNAL the client certificate is the credential\./),
    expect.stringMatching(/^4:8 amqp-auth EXTERNAL means that the broker reads the client certificate\./),
  ]);
});

test('every mistake in bindings at once', async () => {
  const found = await problems(
    'endpoint: amqp://127.0.0.1:1',
    `type Query {
  ok: JSON @amqp(request: { routingKey: "x" })
  none: JSON @amqp(args: "{}")
  two: JSON @amqp(request: { routingKey: "x" }, publish: { routingKey: "x" })
  wrong: JSON @amqp(publish: { routingKey: "x" })
  noQueue: JSON @amqp(request: { routingKey: "" })
  star: JSON @amqp(request: { exchange: "e", routingKey: "a.*" })
  long: JSON @amqp(request: { exchange: "e", routingKey: "${'x'.repeat(256)}" })
  unused(a: Int, b: Int): JSON @amqp(request: { routingKey: "x.{a}" }, args: "{ c: 1 }")
  unknown(city: String): JSON @amqp(request: { routingKey: "x.{ctiy}" })
  header: JSON @amqp(request: { routingKey: "x" }, headers: [{ name: "CC", value: "other" }, { name: "a b", value: "x" }])
}
type Mutation {
  heard: JSON @amqp(subscribe: { exchange: "e", routingKey: "x" })
}
type Subscription {
  asked: JSON @amqp(request: { routingKey: "x" })
  default: JSON @amqp(subscribe: { routingKey: "x" })
  partOfWord(a: Int): JSON @amqp(subscribe: { exchange: "e", routingKey: "x*.{a}#.#" })
  body(a: Int): JSON @amqp(subscribe: { exchange: "e", routingKey: "x.{a}" }, args: "{ a: $a }", headers: [{ name: "a", value: "b" }])
  unusedHere(a: Int): JSON @amqp(subscribe: { exchange: "e", routingKey: "x" })
}`,
  );
  expect(found.map((line) => line.replace(/^(\d+):\d+ (\S+) .*/s, '$1 $2'))).toEqual([
    '3 amqp-act',
    '4 amqp-act',
    '5 amqp-act',
    '6 amqp-routing-key',
    '7 amqp-routing-key',
    '8 amqp-routing-key',
    '9 amqp-unused-argument',
    '10 unknown-reference',
    '11 amqp-header',
    '11 amqp-header',
    '14 amqp-act',
    '17 amqp-act',
    '18 amqp-exchange',
    '19 amqp-routing-key',
    '20 amqp-subscribe',
    '20 amqp-subscribe',
    '21 amqp-unused-argument',
  ]);
  expect(found.find((line) => line.startsWith('19'))).toContain('"x*"');
});

/** Replies over AMQP that several callers get: which are for the same question, and for how long they count. */
import { expect, test } from 'vitest';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { startGateway } from '../support/gateway.ts';

const url = () => process.env.HEM_TEST_AMQP_URL!;
const start = (schema: string, more: string) =>
  startGateway({
    files: {
      'connectors/services/connector.yml': `kind: amqp\nendpoint: ${url()}\n${more}`,
      'connectors/services/schema.graphql': schema,
      'schemas/web.graphql': schema.replace(/@\w+\((?:[^()"]|"[^"]*")*\)/g, ''),
      'clients/web/client.yml': '{}',
    },
  });

test('addresses that are written alike with a slash between them are two', async () => {
  await using service = await AmqpService.connect(url());
  const one = service.name('one');
  const other = `${one}/b`;
  for (const [exchange, key] of [
    [one, 'b/c'],
    [other, 'c'],
  ] as const) {
    await service.channel.assertExchange(exchange, 'direct', { autoDelete: true });
    const queue = await service.answer(`for ${key}`, () => ({ body: { by: `${exchange} ${key}` } }));
    await service.channel.bindQueue(queue, exchange, key);
  }
  const field = (exchange: string, key: string) =>
    `@amqp(request: { exchange: "${exchange}", routingKey: "${key}" }, select: "by")`;
  await using gateway = await start(
    `type Query { one: String ${field(one, 'b/c')} other: String ${field(other, 'c')} }`,
    'dedupe: true\ncache: { maxAge: 60s }',
  );
  for (let count = 0; count < 2; count++)
    expect((await gateway.query('web', '{ one other }')).body.data).toEqual({
      one: `${one} b/c`,
      other: `${other} c`,
    });
});

const now = () => Math.floor(Date.now() / 1000);

test.each([
  ['max-age', { 'cache-control': 'max-age=60' }, 1],
  ['in capitals', { 'Cache-Control': 'max-age=60' }, 1],
  ['older than that, by a text', { 'cache-control': 'max-age=60', age: '60' }, 2],
  ['older than that, by a number', { 'cache-control': 'max-age=60', age: 60 }, 2],
  ['a list', { 'cache-control': ['no-store', 'max-age=60'] }, 2],
  ['bytes', { 'cache-control': Buffer.from('no-store') }, 2],
  ['two, of which one forbids it', { 'Cache-Control': 'max-age=60', 'cache-control': 'no-store' }, 2],
  ['a timestamp to come', { expires: { '!': 'timestamp', value: now() + 3600 } }, 1],
  ['a timestamp that has passed', { expires: { '!': 'timestamp', value: now() - 3600 } }, 2],
])('how long a reply counts may be said as %s', async (_how, headers, calls) => {
  await using service = await AmqpService.connect(url());
  let asked = 0;
  const queue = await service.answer('age', () => ({ body: { n: ++asked }, options: { headers } }));
  await using gateway = await start(
    `type Query { n: Int @amqp(request: { routingKey: "${queue}" }, select: "n") }`,
    'cache: { maxAge: 60s }',
  );
  for (let count = 0; count < 2; count++) await gateway.query('web', '{ n }');
  expect(asked).toBe(calls);
});

/** Things behind a real RabbitMQ, answered by plain amqplib. What goes away and comes back is the way to the broker. */
import { AmqpService, type Reply } from '../../support/backends/amqp/service.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, Things, toJson } from './things.ts';

const ONLY_LOGIN =
  'the broker is logged in to by name and password, or by a token that needs a plugin: amqp-node.test.ts';

export const amqp: ConformingKind = {
  kind: 'amqp',
  lacks: {
    cancellation: 'a message that was sent cannot be called back',
    bearer: ONLY_LOGIN,
    oauth2: ONLY_LOGIN,
    header: 'the login of AMQP has no headers',
    TLS: 'needs a RabbitMQ with certificates of its own: amqp-node.test.ts',
  },
  async start(): Promise<ThingsBackend> {
    const things = new Things();
    const broker = process.env.HEM_TEST_AMQP_URL ?? '';
    const service = await AmqpService.connect(broker);
    const proxy = await TcpProxy.before(broker);
    const exchange = await service.exchange('events');
    const queues: Record<string, string> = {};
    for (const name of ['thing', 'thingsById', 'things', 'echo', 'parts', 'rename']) {
      queues[name] = await service.answer(name, async (body, { properties }): Promise<Reply | undefined> => {
        const answer = await things.answer(name, body as Record<string, unknown>, properties.headers ?? {});
        switch (answer.kind) {
          case 'value':
            return { body: toJson(answer.value), ...saying(things) };
          case 'missing':
            return refusal('NOT_FOUND');
          case 'hang':
            return undefined;
          case 'garbage':
            return { body: '{"id": "gar' };
          case 'broken':
            return refusal('INTERNAL');
          case 'denied':
            return refusal('PERMISSION_DENIED');
        }
      });
    }
    const bind = (name: string, rest = '') => `@amqp(request: { routingKey: "${queues[name]}" }${rest})`;
    return {
      things,
      url: proxy.url,
      settings: 'reconnect: { min: 20ms, max: 100ms }\n',
      bindings: {
        thing: bind('thing'),
        thingsById: bind('thingsById'),
        things: bind('things'),
        echo: bind('echo'),
        parts: bind('parts', ', args: "{ thing: $parent.id, first: $first }"'),
        rename: bind('rename'),
        thingChanged: `@amqp(subscribe: { exchange: "${exchange}", routingKey: "thing.{id}" })`,
      },
      files: {},
      up: async () => proxy.accept(),
      down: async () => proxy.refuse(),
      emit: async (id, name) => {
        await service.publish(exchange, `thing.${id}`, { id, name });
      },
      listeners: async () => {
        // Whether a queue takes a message is all that a publisher can know.
        const heard = await service.publish(exchange, 'thing.1', { id: '1', name: 'is anybody there' });
        return heard ? 1 : 0;
      },
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        await service[Symbol.asyncDispose]();
      },
    };
  },
};

function saying({ cacheControl }: Things): Pick<Reply, 'options'> {
  return cacheControl === undefined ? {} : { options: { headers: { 'cache-control': cacheControl } } };
}

function refusal(code: string): Reply {
  return { body: { code, message: SECRET }, options: { type: 'error' } };
}

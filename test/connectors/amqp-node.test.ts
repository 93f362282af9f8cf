/** What only a RabbitMQ of one's own can be put through: restarts, alarms, deleted queues, other ways to log in. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StreamGap } from '../../src/connectors/kind.ts';
import { DirectAmqp } from '../support/backends/amqp/direct.ts';
import { OwnRabbit, whyNoOwnRabbit } from '../support/backends/amqp/rabbit.ts';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { freePort } from '../support/services/daemon.ts';

const obstacle = whyNoOwnRabbit();
let rabbit: OwnRabbit;
let tlsPort: number;

describe.skipIf(obstacle !== undefined)(
  `a RabbitMQ of its own${obstacle === undefined ? '' : ` (${obstacle})`}`,
  () => {
    beforeAll(async () => {
      tlsPort = await freePort();
      rabbit = await OwnRabbit.start(toSettings(tlsPort));
    }, 120_000);

    afterAll(() => rabbit?.[Symbol.asyncDispose]());

    test('a deleted queue is made again, and subscribers are told of the gap', {
      timeout: 60_000,
    }, async () => {
      await using service = await AmqpService.connect(rabbit.url);
      await using amqp = new DirectAmqp({
        url: rabbit.url,
        own: { reconnect: { min: '50ms', max: '200ms' } },
      });
      const exchange = await service.exchange('events');
      const stream = amqp.subscribe(exchange, '#');
      const first = stream.next();
      await service.publishOnceHeard(exchange, 'x', 1);
      expect(await first).toEqual({ done: false, value: 1 });
      const queues = (await rabbit.control('list_queues', '-s', 'name')).match(/amq\.gen\S+/g) ?? [];
      expect(queues).toHaveLength(1);
      await rabbit.control('delete_queue', queues[0]!);
      const { value: gap } = await stream.next();
      expect(gap).toBeInstanceOf(StreamGap);
      await service.publishOnceHeard(exchange, 'x', 2);
      expect(await stream.next()).toEqual({ done: false, value: 2 });
    });

    test('while the broker is blocked publications fail by their deadline, and are not sent later', {
      timeout: 60_000,
    }, async () => {
      await using service = await AmqpService.connect(rabbit.url);
      const taken: unknown[] = [];
      const exchange = await service.exchange('blocked');
      const queue = await service.take(
        'sink',
        (message) => void taken.push(JSON.parse(message.content.toString())),
      );
      await service.channel.bindQueue(queue, exchange, '#');
      await using amqp = new DirectAmqp({ url: rabbit.url, common: { timeouts: { request: '700ms' } } });
      expect(await amqp.publish(exchange, 'x', 'before')).toMatchObject({ published: true });
      const watermark = 'set_vm_memory_high_watermark';
      await rabbit.control(watermark, 'absolute', '1');
      await sleep(500);
      // The first one is what makes the broker say that it takes none.
      const outcomes = [];
      for (const body of ['first', 'second', 'third']) {
        const startedAt = performance.now();
        outcomes.push(await amqp.publish(exchange, 'x', body));
        expect(performance.now() - startedAt).toBeLessThan(1500);
      }
      expect(outcomes).toMatchObject(Array(3).fill({ code: 'UPSTREAM_TIMEOUT' }));
      await rabbit.control(watermark, '0.4');
      await expect
        .poll(() => amqp.publish(exchange, 'x', 'after'), { timeout: 10_000 })
        .toMatchObject({ published: true });
      await expect.poll(() => taken).toContain('after');
      expect(taken).not.toContain('second');
      expect(taken).not.toContain('third');
    });

    test('a restart fails what is under way at once and is got over', { timeout: 120_000 }, async () => {
      await using service = await AmqpService.connect(rabbit.url);
      const queue = await service.queue('nobody-answers', { durable: true });
      const exchange = service.name('durable');
      await service.channel.assertExchange(exchange, 'topic', { durable: true });
      await using amqp = new DirectAmqp({
        url: rabbit.url,
        own: { reconnect: { min: '100ms', max: '60s' } },
      });
      const stream = amqp.subscribe(exchange, '#');
      const first = stream.next();
      await service.publishOnceHeard(exchange, 'x', 1);
      await first;
      const startedAt = performance.now();
      const call = amqp.request(queue, 1);
      await sleep(200);
      await rabbit.kill();
      expect(await call).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
      expect(performance.now() - startedAt).toBeLessThan(3000);
      expect(await amqp.request(queue, 2)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
      const ended = stream.next().then(
        ({ value }) => value,
        (error) => error,
      );
      await rabbit.start();
      await using later = await AmqpService.connect(rabbit.url);
      const echo = await later.answer('echo', (body) => ({ body }));
      await expect.poll(() => amqp.request(echo, 3), { timeout: 30_000, interval: 200 }).toBe(3);
      // Depending on how long the start took, the stream was repaired or has ended.
      const outcome = await ended;
      if (outcome instanceof StreamGap) {
        await later.publishOnceHeard(exchange, 'x', 2);
        expect(await stream.next()).toEqual({ done: false, value: 2 });
      } else {
        expect(outcome).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
        expect(await stream.next()).toEqual({ done: true, value: undefined });
      }
      await stream.return?.();
      await later.channel.deleteExchange(exchange);
      await later.channel.deleteQueue(queue);
    });

    test('TLS checks the server, and the client certificate can be the login', {
      timeout: 60_000,
    }, async () => {
      await using service = await AmqpService.connect(rabbit.url);
      const echo = await service.answer('echo', (body) => ({ body }));
      const read = (name: string) => readFileSync(pem(name), 'utf8');
      const tls = { ca: read('ca.pem'), certificate: read('client.pem'), key: read('client.key') };
      const named = { ...tls, serverName: 'server.hem.test' };
      const url = `amqps://127.0.0.1:${tlsPort}`;
      await using plain = new DirectAmqp({
        url: url.replace('//', '//guest:guest@'),
        common: { tls: named },
      });
      expect(await plain.request(echo, 1)).toBe(1);

      await rabbit.enablePlugin('rabbitmq_auth_mechanism_ssl');
      await rabbit.control('add_user', 'client.hem.test', 'unused');
      await rabbit.control('set_permissions', 'client.hem.test', '.*', '.*', '.*');
      await using external = new DirectAmqp({ url, common: { tls: named }, own: { login: 'EXTERNAL' } });
      expect(await external.request(echo, 2)).toBe(2);
      expect(await rabbit.control('list_connections', '-s', 'user')).toContain('client.hem.test');

      const refused = [
        // Not the server's name; another authority; no client certificate.
        { ...tls, serverName: 'other.hem.test' },
        { ...named, ca: undefined },
        { ca: tls.ca, serverName: named.serverName },
      ];
      for (const settings of refused) {
        await using amqp = new DirectAmqp({ url, common: { tls: settings } });
        expect(await amqp.request(echo, 3)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
      }
    });

    test('an OAuth 2.0 token logs in, and its successor goes over the open connection', {
      timeout: 120_000,
    }, async () => {
      await using service = await AmqpService.connect(rabbit.url);
      const echo = await service.answer('echo', (body) => ({ body }));
      await rabbit.enablePlugin('rabbitmq_auth_backend_oauth2');
      const secret = 'a secret of this test, long enough';
      const jwk = `#{<<"kty">> => <<"oct">>, <<"alg">> => <<"HS256">>, <<"k">> => <<"${Buffer.from(secret).toString('base64url')}">>}`;
      await rabbit.control(
        'eval',
        `application:set_env(rabbitmq_auth_backend_oauth2, resource_server_id, <<"rabbitmq">>),
       application:set_env(rabbitmq_auth_backend_oauth2, key_config, [{signing_keys, #{<<"test">> => {map, ${jwk}}}}, {default_key, <<"test">>}]),
       application:set_env(rabbit, auth_backends, [rabbit_auth_backend_internal, rabbit_auth_backend_oauth2]).`,
      );
      let issued = 0;
      const lifeS = 10;
      const tokens = createServer((_request, response) => {
        issued++;
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({ access_token: toToken(secret, lifeS), token_type: 'Bearer', expires_in: lifeS }),
        );
      });
      await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
      const { port } = tokens.address() as AddressInfo;
      const bare = `amqp://127.0.0.1:${rabbit.port}`;
      try {
        await using amqp = new DirectAmqp({
          url: bare,
          common: {
            auth: { oauth2: { tokenUrl: `http://127.0.0.1:${port}/`, clientId: 'hem', clientSecret: 'x' } },
          },
        });
        expect(await amqp.request(echo, 1)).toBe(1);
        await sleep((lifeS + 3) * 1000);
        // RabbitMQ remembers what a token allowed, so something new is asked for: with the first token it would be refused.
        const later = await service.exchange('later');
        await service.channel.bindQueue(echo, later, 'x');
        expect(await amqp.publish(later, 'x', 2)).toMatchObject({ published: true });
        expect(await amqp.request(echo, 3)).toBe(3);
        expect(issued).toBeGreaterThanOrEqual(2);
        const connections = await rabbit.control(
          'list_connections',
          '-s',
          'name',
          'auth_mechanism',
          'client_properties',
        );
        expect(connections.match(/hem direct messages/g)).toHaveLength(1);
        await using forged = new DirectAmqp({
          url: bare,
          common: { auth: { bearer: { token: toToken('another', 60) } } },
        });
        expect(await forged.request(echo, 3)).toMatchObject({ code: 'UPSTREAM_DENIED' });
      } finally {
        tokens.close();
      }
    });
  },
);

/** A second listener, on TLS, that asks for client certificates. */
function toSettings(port: number): string {
  return `[{rabbit, [
    {ssl_listeners, [{"127.0.0.1", ${port}}]},
    {ssl_options, [
      {cacertfile, "${pem('ca.pem')}"}, {certfile, "${pem('server.pem')}"}, {keyfile, "${pem('server.key')}"},
      {verify, verify_peer}, {fail_if_no_peer_cert, true}]},
    {ssl_cert_login_from, common_name},
    {auth_mechanisms, ['PLAIN', 'AMQPLAIN', 'EXTERNAL']}]}].`;
}

function pem(name: string): string {
  return fileURLToPath(new URL(`../support/backends/websocket-tls/${name}`, import.meta.url));
}

function toToken(secret: string, lifeS: number): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const scope = ['rabbitmq.configure:*/*', 'rabbitmq.read:*/*', 'rabbitmq.write:*/*/*'];
  const unsigned = `${encode({ alg: 'HS256', typ: 'JWT', kid: 'test' })}.${encode({
    aud: ['rabbitmq'],
    sub: 'hem',
    client_id: 'hem',
    scope,
    iat: now,
    exp: now + lifeS,
  })}`;
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
}

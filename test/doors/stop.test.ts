/** A graceful stop: what is in flight finishes, nothing new begins, subscriptions are told. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Authority } from '../support/authority.ts';
import { startGateway } from '../support/gateway.ts';
import { EventReader } from './event-reader.ts';
import { open, readAll, sendRaw } from './raw-http.ts';
import { MOVED, RawSocket, startRiders } from './riders.ts';
import { startThings, thingsFiles } from './things.ts';

/** Lets one caller of /hanging go on. */
function release(backend: { readonly hanging: Set<import('node:http').ServerResponse> }): void {
  for (const response of backend.hanging) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"id":"late"}');
  }
}

it('lets requests in flight finish over HTTP and websocket, and refuses new ones', async () => {
  await using backend = await startThings();
  await using gateway = await startGateway(thingsFiles(backend.url));
  const agent = new Agent({ keepAlive: true });
  const idle = await new Promise<number | undefined>((resolve) => {
    const options = { agent, headers: { accept: 'application/json' } };
    request(`${gateway.url}/web/graphql?query={__typename}`, options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    }).end();
  });
  expect(idle).toBe(200);
  await using socket = await RawSocket.open(gateway);
  const overHttp = gateway.query('web', '{ hanging { id } }');
  socket.subscribe('a', '{ hanging { id } }');
  await expect.poll(() => backend.hanging.size).toBe(2);

  const readyz = () => fetch(`${gateway.adminUrl}/readyz`).then(({ status }) => status);
  expect(await readyz()).toBe(200);
  const stopped = gateway.gateway.stop();
  expect(await readyz()).toBe(503);
  await expect(fetch(`${gateway.url}/web/graphql?query={__typename}`)).rejects.toThrow();
  socket.subscribe('b', '{ thing(id: 1) { id } }');
  expect(await socket.until(({ id }) => id === 'b')).toMatchObject({
    type: 'error',
    payload: [{ extensions: { code: 'SHUTTING_DOWN' } }],
  });

  release(backend);
  const { body, headers } = await overHttp;
  expect(body).toEqual({ data: { hanging: { id: 'late' } } });
  expect(headers.get('connection')).toBe('close');
  expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
    payload: { data: { hanging: { id: 'late' } } },
  });
  expect(await socket.closed).toMatchObject({ code: 1001 });
  await stopped;
  agent.destroy();
});

it('ends subscriptions over websocket with 1001, over SSE with a last word, and their streams at the backend', async () => {
  await using riders = await startRiders();
  await using socket = await RawSocket.open(riders.gateway);
  socket.subscribe('a', MOVED);
  const events = await EventReader.open(riders.gateway, MOVED);
  await riders.backend.untilSubscribers(2);
  const startedAt = performance.now();
  await riders.gateway.gateway.stop();
  expect(performance.now() - startedAt).toBeLessThan(2000);
  expect(await socket.closed).toMatchObject({ code: 1001, reason: 'Going away' });
  expect(await events.rest()).toMatchObject([
    {
      event: 'next',
      data: { errors: [{ extensions: { code: 'SHUTTING_DOWN', requestId: expect.any(String) } }] },
    },
    { event: 'complete' },
  ]);
  await riders.backend.untilSubscribers(0);
});

it('waits no longer than the grace period, for requests as for sockets whose peers do not answer', async () => {
  await using backend = await startThings();
  await using gateway = await startGateway(thingsFiles(backend.url, { hem: 'shutdown: { grace: 300ms }' }));
  await using socket = await RawSocket.open(gateway);
  socket.subscribe('a', '{ hanging { id } }');
  const overHttp = gateway.query('web', '{ hanging { id } }').catch(() => 'cut');
  await expect.poll(() => backend.hanging.size).toBe(2);
  socket.socket.pause();
  const startedAt = performance.now();
  await gateway.gateway.stop();
  const elapsedMs = performance.now() - startedAt;
  expect(elapsedMs).toBeGreaterThan(250);
  expect(elapsedMs).toBeLessThan(2000);
  expect(await overHttp).toBe('cut');
});

it('closes connections that are idle at once', async () => {
  await using backend = await startThings();
  await using gateway = await startGateway(thingsFiles(backend.url));
  const host = gateway.url.replace('http://', '');
  const idle = sendRaw(
    gateway.url,
    `GET /web/graphql?query={__typename} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    5000,
  );
  await sleep(100);
  const startedAt = performance.now();
  await gateway.gateway.stop();
  expect(performance.now() - startedAt).toBeLessThan(1000);
  expect(await idle).toMatchObject({ statuses: [200], closed: true });
});

it('is not held up by peers that were refused a websocket and keep the connection', async () => {
  await using backend = await startThings();
  await using gateway = await startGateway(thingsFiles(backend.url));
  const { hostname, host, port } = new URL(gateway.url);
  const peers = await Promise.all(
    ['/other/graphql', '/web/graphql'].map(async (path) => {
      const peer = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
      peer.on('error', () => {});
      peer.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      );
      const [answer] = await once(peer, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1.1 40[04]/);
      return peer;
    }),
  );
  const startedAt = performance.now();
  await gateway.gateway.stop();
  expect(performance.now() - startedAt).toBeLessThan(3000);
  for (const peer of peers) peer.destroy();
});

it('is not held up by connections that have not begun to speak TLS', async () => {
  await using authority = await Authority.make();
  const tls = await authority.issue({ subject: '/CN=hem', names: 'IP:127.0.0.1' });
  await using backend = await startThings();
  await using gateway = await startGateway(
    thingsFiles(backend.url, { hem: JSON.stringify({ listen: { tls } }) }),
  );
  const { hostname, port } = new URL(gateway.url);
  const silent = connect(Number(port), hostname);
  silent.on('error', () => {});
  await once(silent, 'connect');
  await sleep(50);
  const startedAt = performance.now();
  await gateway.gateway.stop();
  expect(performance.now() - startedAt).toBeLessThan(3000);
  silent.destroy();
});

it('tells subscriptions over SSE that are held back or come too late, and begins none of them', async () => {
  const slow = '{ name: slow, limit: 1, per: 2s, burst: 1, by: client, delay: 10s }';
  await using riders = await startRiders({ client: `quotas: [${slow}]` });
  await riders.gateway.query('web', '{ __typename }');
  const held = EventReader.open(riders.gateway, MOVED);
  // Its body comes after the signal.
  const { host } = new URL(riders.gateway.url);
  const late = await open(riders.gateway.url);
  const body = JSON.stringify({ query: MOVED });
  late.write(
    `POST /web/graphql HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await sleep(200);
  const startedAt = performance.now();
  const stopped = riders.gateway.gateway.stop();
  const answer = readAll(late, 5000);
  late.write(body);
  const SHUTTING_DOWN = { errors: [{ extensions: { code: 'SHUTTING_DOWN' } }] };
  expect(await (await held).rest()).toMatchObject([
    { event: 'next', data: SHUTTING_DOWN },
    { event: 'complete' },
  ]);
  expect((await answer).text).toMatch(/SHUTTING_DOWN.*event: complete/s);
  await stopped;
  expect(performance.now() - startedAt).toBeLessThan(1500);
  expect(riders.backend.subscribers).toBe(0);
});

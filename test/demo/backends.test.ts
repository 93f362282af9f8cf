import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectAmqp } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BILLING_LOGIN, RIDERS_TOKEN, STATIONS_KEY } from '../../demo/credentials.ts';
import { type BackendName, type Demo, startDemo } from '../../demo/start.ts';

const ANY_PORTS = { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0, identity: 0 };

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ ports: ANY_PORTS, amqpUrl: false });
});
afterAll(() => demo[Symbol.asyncDispose]());

describe('the backends', () => {
  it('are told to connectors as environment variables', () => {
    expect(demo.env).toMatchObject({
      STATIONS_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      FLEET_URL: expect.stringMatching(/^grpc:/),
      BILLING_URL: expect.stringMatching(/^http:.*\/billing$/),
      DOCKS_URL: expect.stringMatching(/^ws:.*\/rpc$/),
      RIDES_URL: expect.stringMatching(/^amqp:/),
      RIDERS_URL: expect.stringMatching(/^http:.*\/graphql$/),
    });
  });

  it('take a free port when theirs is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await using second = await startDemo({ ports: { ...ANY_PORTS, stations: port }, amqpUrl: false });
    expect(new URL(second.backends.stations.url).port).not.toBe(String(port));
    expect((await getStation(second.backends.stations.url)).status).toBe(200);
    taken.close();
  });

  it.each<BackendName>(['stations', 'fleet', 'billing', 'docks', 'riders', 'identity'])(
    '%s stops, and starts again at the same address',
    async (name) => {
      const backend = demo.backends[name];
      const { url } = backend;
      expect(await accepts(url)).toBe(true);
      await backend.stop();
      expect(backend.running).toBe(false);
      expect(await accepts(url)).toBe(false);
      await backend.start();
      expect(backend.url).toBe(url);
      expect(await accepts(url)).toBe(true);
    },
  );

  it('rides takes its queues along when it stops', async () => {
    const connection = await connectAmqp(demo.backends.rides.url);
    const hasQueue = async () => {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      return channel.checkQueue('rides.get').then(
        () => true,
        () => false,
      );
    };
    expect(await hasQueue()).toBe(true);
    await demo.backends.rides.stop();
    expect(await hasQueue()).toBe(false);
    await demo.backends.rides.start();
    expect(await hasQueue()).toBe(true);
    await connection.close();
  });

  it('rides comes back by itself when the broker does', async () => {
    await demo.broker?.stop();
    await demo.broker?.start();
    await expect
      .poll(
        async () => {
          const connection = await connectAmqp(demo.backends.rides.url);
          const channel = await connection.createChannel();
          channel.on('error', () => {});
          const found = await channel.checkQueue('rides.end').then(
            () => true,
            () => false,
          );
          await connection.close();
          return found;
        },
        { timeout: 10_000, interval: 200 },
      )
      .toBe(true);
  });

  it('want credentials', async () => {
    expect((await fetch(`${demo.backends.stations.url}/v1/stations`)).status).toBe(401);
    expect((await fetch(demo.backends.billing.url, { method: 'POST', body: '<x/>' })).status).toBe(401);
    expect((await fetch(demo.backends.riders.url, { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await getStation(demo.backends.stations.url)).status).toBe(200);
    const riders = await fetch(demo.backends.riders.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${RIDERS_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ rider(id: "rd-01") { name } }' }),
    });
    expect(await riders.json()).toEqual({ data: { rider: { name: 'Ada Brandt' } } });
  });

  it('billing faults as SOAP says, with status 500', async () => {
    const login = Buffer.from(`${BILLING_LOGIN.username}:${BILLING_LOGIN.password}`).toString('base64');
    const response = await fetch(demo.backends.billing.url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${login}`,
        'content-type': 'text/xml',
        soapaction: '"urn:lindhaven:billing:v2/GetBalance"',
      },
      body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:b="urn:lindhaven:billing:v2"><s:Body>
        <b:GetBalance><b:RiderId>nobody</b:RiderId></b:GetBalance></s:Body></s:Envelope>`,
    });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('<b:UnknownRider><b:RiderId>nobody</b:RiderId></b:UnknownRider>');
  });
});

function getStation(url: string): Promise<Response> {
  return fetch(`${url}/v1/stations/st-01`, { headers: { 'x-api-key': STATIONS_KEY } });
}

/** Whether anybody listens. */
async function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

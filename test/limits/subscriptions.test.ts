/** Limits of what lives long: events, and subscriptions at the same time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventReader } from '../doors/event-reader.ts';
import { RawSocket, type RidersGateway, startRiders } from '../doors/riders.ts';
import { readLimits } from './rate-limit.ts';

const TICKS = 'subscription ($n: Int!) { ticks(count: $n) }';

let riders: RidersGateway;
const open: RidersGateway[] = [];
afterAll(async () => {
  for (const one of open) await one[Symbol.asyncDispose]();
});

async function withLimits(limits: string): Promise<RidersGateway> {
  riders = await startRiders({ client: `quotas: ${limits}` });
  open.push(riders);
  return riders;
}

beforeAll(async () => {
  riders = await withLimits('[]');
});

/** What a subscription over websocket gives, with errors as their codes. */
async function eventsOf({ gateway }: RidersGateway, count: number): Promise<unknown[]> {
  await using socket = await RawSocket.open(gateway);
  socket.subscribe('1', TICKS, { variables: { n: count } });
  await socket.until(({ type }) => type === 'complete' || type === 'error');
  return socket.received
    .filter(({ type }) => type === 'next' || type === 'error')
    .map(({ payload }) => {
      const [error] = [payload].flat().flatMap((one) => {
        const { errors, extensions } = one as { errors?: unknown[]; extensions?: unknown };
        return errors ?? (extensions === undefined ? [] : [one]);
      });
      const code = (error as { extensions?: { code?: string } } | undefined)?.extensions?.code;
      return code ?? (payload as { data: { ticks: number } }).data.ticks;
    });
}

test('without limits all events come', async () => {
  expect(await eventsOf(riders, 3)).toHaveLength(3);
});

test('events beyond the limit end a subscription with an error', async () => {
  const limited = await withLimits('[{ name: events, unit: events, limit: 4, per: 1h, by: client }]');
  const first = await eventsOf(limited, 3);
  expect(first).toHaveLength(3);
  expect(first).not.toContain('LIMIT_EXCEEDED');
  const second = await eventsOf(limited, 3);
  expect(second).toEqual([first[0], 'LIMIT_EXCEEDED']);
});

test('a shadow lets all events pass', async () => {
  const shadow = await withLimits(
    '[{ name: events, unit: events, limit: 1, per: 1h, by: client, shadow: true }]',
  );
  expect(await eventsOf(shadow, 3)).not.toContain('LIMIT_EXCEEDED');
});

test('over server-sent events, with headers', async () => {
  const limited = await withLimits(
    '[{ name: events, unit: events, limit: 2, per: 1h, by: client }, { name: opened, limit: 2, per: 1h, by: client }]',
  );
  const subscribe = () => EventReader.open(limited.gateway, 'subscription { ticks(count: 3) }');
  const reader = await subscribe();
  expect(readLimits(reader.response.headers)).toMatchObject({ opened: { quota: 2, remaining: 1 } });
  const events = await reader.rest();
  expect(events.map(({ event, data }) => data?.errors?.[0]?.extensions.code ?? event)).toEqual([
    'next',
    'next',
    'LIMIT_EXCEEDED',
    'complete',
  ]);
  await (await subscribe()).rest();
  const refused = await subscribe();
  expect(refused.response.headers.get('retry-after')).not.toBeNull();
  expect(JSON.stringify(await refused.rest())).toContain('LIMIT_EXCEEDED');
});

test('each event costs, the first is in what the subscription costs', async () => {
  const limited = await withLimits('[{ name: cost, unit: cost, limit: 3, per: 1h, by: client }]');
  const left = async () => {
    const { headers } = await limited.gateway.query('web', '{ __typename }');
    return readLimits(headers).cost!.remaining;
  };
  await using socket = await RawSocket.open(limited.gateway);
  socket.subscribe('1', 'subscription { riderMoved(id: "1") { name } }');
  await expect.poll(() => limited.backend.subscribers).toBe(1);
  expect(await left()).toBe(2);
  const move = async (name: string, remaining: number) => {
    limited.backend.move('1', name);
    await socket.until(({ payload }) => JSON.stringify(payload)?.includes(`"${name}"`));
    expect(await left()).toBe(remaining);
  };
  await move('Ann', 2);
  await move('Ben', 1);
  await move('Cem', 0);
  limited.backend.move('1', 'Dan');
  const last = await socket.until(({ payload }) => JSON.stringify(payload)?.includes('LIMIT_EXCEEDED'));
  expect(last).toMatchObject({ type: 'next', id: '1' });
  await socket.until(({ type }) => type === 'complete');
  expect(JSON.stringify(socket.received)).not.toContain('Dan');
});

test('what runs at the same time counts until it ends, however it ends', async () => {
  const limited = await withLimits('[{ name: running, unit: concurrent, limit: 1, by: client }]');
  const MOVED = 'subscription { riderMoved(id: "1") { name } }';
  const code = async () =>
    (await limited.gateway.query('web', '{ __typename }')).body.errors?.[0]?.extensions.code;

  const socket = await RawSocket.open(limited.gateway);
  socket.subscribe('1', MOVED);
  await expect.poll(() => limited.backend.subscribers).toBe(1);
  expect(await code()).toBe('LIMIT_EXCEEDED');
  // By its caller.
  socket.send({ type: 'complete', id: '1' });
  await expect.poll(code).toBe(undefined);
  // By the end of the socket.
  socket.subscribe('2', MOVED);
  await expect.poll(() => limited.backend.subscribers).toBe(1);
  expect(await code()).toBe('LIMIT_EXCEEDED');
  socket.socket.terminate();
  await expect.poll(code).toBe(undefined);
  // By the end of a connection.
  const leaving = new AbortController();
  const reader = await EventReader.open(limited.gateway, MOVED, leaving.signal);
  expect(reader.response.status).toBe(200);
  await expect.poll(() => limited.backend.subscribers).toBe(1);
  expect(await code()).toBe('LIMIT_EXCEEDED');
  leaving.abort();
  await expect.poll(code).toBe(undefined);
  // By its source.
  await (await EventReader.open(limited.gateway, 'subscription { ticks(count: 1) }')).rest();
  await expect.poll(code).toBe(undefined);
});

/** A configuration that has nothing to do with the bike-share, written from the docs alone: etcd over gRPC, and a REST backend. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Answer, RestBackend } from './support/backends/rest.ts';
import { RunningCommand, runCommand } from './support/command.ts';
import type { GraphQLBody } from './support/gateway.ts';

/** Keys of this run alone: the etcd may be shared. */
const PREFIX = `hem-second-${process.pid}-${Date.now()}`;
const bytes = (text: string) => Buffer.from(text).toString('base64');
const keyOf = (room: string) => `${PREFIX}/${room}`;
const RANGE = { from: bytes(`${PREFIX}/`), to: bytes(`${PREFIX}0`) };

const ROOMS = [
  { 'room-id': 'r/1', name: 'Hall', floor: 0, links: { 'heating-key': bytes(keyOf('hall')) } },
  { 'room-id': 'r2', name: 'Loft', floor: 3, links: { 'heating-key': bytes(keyOf('loft')) } },
  { 'room-id': 'r3', name: 'Shed', floor: 0, links: { 'heating-key': bytes(keyOf('shed')) } },
];

const bookings: Record<string, Array<{ person: string }>> = { 'r/1': [{ person: 'Ada' }], r2: [] };

const answer: Answer = ({ method, url, headers, body }) => {
  if (headers.authorization !== 'Bearer rooms-token')
    return { status: 401, body: { problem: 'who are you?' } };
  const { pathname, searchParams } = new URL(url, 'http://rooms');
  const [, , id, below] = pathname.split('/').map(decodeURIComponent);
  if (id === undefined) {
    const floor = searchParams.get('floor');
    return { body: { entries: ROOMS.filter((room) => floor === null || room.floor === Number(floor)) } };
  }
  const room = ROOMS.find((candidate) => candidate['room-id'] === id);
  if (room === undefined) return { status: 404, body: { problem: 'no such room' } };
  if (below === undefined) return { body: room };
  if (searchParams.get('day') !== '2026-11-22') return { status: 422, body: { problem: 'closed that day' } };
  if (method === 'GET') return { body: bookings[id] ?? [] };
  const person = new URLSearchParams(body.toString()).get('person') ?? '';
  bookings[id] = [...(bookings[id] ?? []), { person }];
  return { status: 201, body: { person } };
};

describe('hem start --config <a directory that is not the bike-share>', () => {
  let directory: string;
  let rooms: RestBackend;
  let hem: RunningCommand;
  let url: string;
  let env: Record<string, string | undefined>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hem-second-'));
    const fixtures = join(import.meta.dirname, 'fixtures');
    cpSync(join(fixtures, 'second'), directory, { recursive: true });
    cpSync(join(fixtures, 'etcd'), join(directory, 'connectors/heating'), { recursive: true });
    rooms = await RestBackend.start(answer);
    const { host } = new URL(process.env.HEM_TEST_ETCD_URL!);
    env = { ...process.env, ROOMS_URL: rooms.url, ROOMS_TOKEN: 'rooms-token', ETCD_URL: `grpc://${host}` };
    hem = new RunningCommand(['node', 'src/main.ts', 'start', '--config', directory], {
      env,
      deadlineMs: 120_000,
    });
    await hem.until((output) => /^desk +http/m.test(output), 30_000);
    url = /^desk +(http\S+)$/m.exec(hem.output)![1]!;
  });

  afterAll(async () => {
    hem?.[Symbol.dispose]();
    await rooms?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  async function ask(query: string, variables?: Record<string, unknown>): Promise<GraphQLBody> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(10_000),
    });
    return (await response.json()) as GraphQLBody;
  }

  const set = (room: string, degrees: string) =>
    ask('mutation ($key: Bytes!, $value: Bytes!) { setHeating(key: $key, value: $value) }', {
      key: bytes(keyOf(room)),
      value: bytes(degrees),
    });

  test('is checked without a problem', async () => {
    const { code, output } = await runCommand(['node', 'src/main.ts', 'check', '--config', directory], {
      env,
    });
    expect([code, output]).toEqual([0, expect.stringMatching(/no problems/i)]);
  });

  test('answers one query from both backends', async () => {
    expect((await set('hall', '21.5')).errors).toBeUndefined();
    const body = await ask('{ rooms { id label degrees changedTimes today { who } } }');
    expect(body).toEqual({
      data: {
        rooms: [
          { id: 'r/1', label: 'Hall', degrees: 21.5, changedTimes: '1', today: [{ who: 'Ada' }] },
          { id: 'r2', label: 'Loft', degrees: null, changedTimes: null, today: [] },
          { id: 'r3', label: 'Shed', degrees: null, changedTimes: null, today: [] },
        ],
      },
    });
    expect(
      await ask('{ rooms(floor: 3) { label } room(id: "r/1") { degrees } none: room(id: "?") { id } }'),
    ).toEqual({
      data: { rooms: [{ label: 'Loft' }], room: { degrees: 21.5 }, none: null },
    });
  });

  test('changes things in both', async () => {
    expect(await ask('mutation { book(room: "r2", day: "2026-11-22", who: "Ben & Co") { who } }')).toEqual({
      data: { book: { who: 'Ben & Co' } },
    });
    expect(await ask('{ room(id: "r2") { today { who } } }')).toEqual({
      data: { room: { today: [{ who: 'Ben & Co' }] } },
    });
    const refused = await ask('mutation { book(room: "r2", day: "2026-12-24", who: "Ada") { who } }');
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_REJECTED',
      connector: 'rooms',
      detail: { problem: 'closed that day' },
    });
  });

  test('tells events of etcd as they happen', async () => {
    const client = createClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    const events = client.iterate<{ heatingChanged: { events: unknown[] } }>({
      query:
        'subscription ($from: Bytes!, $to: Bytes!) { heatingChanged(from: $from, to: $to) { events { kind key degrees } } }',
      variables: RANGE,
    });
    const next = async () => (await events.next()).value?.data?.heatingChanged.events;
    // etcd says first that it watches.
    expect(await next()).toEqual([]);
    await set('loft', '17');
    expect(await next()).toEqual([{ kind: 'SET', key: keyOf('loft'), degrees: 17 }]);
    await set('loft', 'warm');
    expect(await next()).toEqual([{ kind: 'SET', key: keyOf('loft'), degrees: null }]);
    await events.return?.();
    await client.dispose();
  });

  test('shows the desk nothing but its own schema', async () => {
    const { errors } = await ask('{ settings(from: "", to: "") { key } }');
    expect(errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect((await ask('{ __schema { types { name } } }')).errors).toBeDefined();
  });

  test('answers from etcd while the rooms are away, and the other way round', async () => {
    rooms.answer = () => ({ status: 503 });
    const away = await ask('{ room(id: "r2") { label } }');
    expect(away.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', connector: 'rooms' });
    expect((await set('shed', '5')).errors).toBeUndefined();
    rooms.answer = answer;
    expect(await ask('{ room(id: "r2") { label } }')).toEqual({ data: { room: { label: 'Loft' } } });
  });

  test('ends with exit code 0 when told to', async () => {
    expect(await hem.end('SIGTERM', 15_000)).toBe(0);
  });
});

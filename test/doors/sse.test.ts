/** Subscriptions as server-sent events. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, codesOf, post } from './ask.ts';
import { EventReader } from './event-reader.ts';
import { MOVED, type RidersGateway, startRiders } from './riders.ts';

let riders: RidersGateway;
beforeAll(async () => {
  riders = await startRiders();
});
afterAll(() => riders[Symbol.asyncDispose]());

const open = (query: string, signal?: AbortSignal) => EventReader.open(riders.gateway, query, signal);

it('delivers events, then says that it is complete', async () => {
  const events = await open('subscription { ticks(count: 3) }');
  expect(events.response.headers.get('content-encoding')).toBeNull();
  expect(events.response.headers.get('cache-control')).toContain('no-transform');
  expect(await events.rest()).toEqual([
    { event: 'next', data: { data: { ticks: 1 } } },
    { event: 'next', data: { data: { ticks: 2 } } },
    { event: 'next', data: { data: { ticks: 3 } } },
    { event: 'complete', data: undefined },
  ]);
});

it('may be asked for by GET only as a query: subscriptions need POST', async () => {
  const answer = await ask(riders.gateway, {
    search: `?query=${encodeURIComponent(MOVED)}`,
    headers: { accept: 'text/event-stream' },
  });
  expect(answer.text).toContain('METHOD_NOT_ALLOWED');
});

it('answers queries as one event, when nothing else is accepted', async () => {
  const events = await open('{ rider(id: "1") { name } }');
  expect(await events.rest()).toMatchObject([{ event: 'next', data: { data: {} } }, { event: 'complete' }]);
});

it('is refused to callers that accept no event stream, before the backend is asked', async () => {
  const answer = await post(riders.gateway, { query: MOVED }, { accept: 'application/json' });
  expect(answer.status).toBe(406);
  expect(codesOf(answer)).toEqual(['NOT_ACCEPTABLE']);
  expect(riders.backend.subscribers).toBe(0);
});

it('delivers a refusal as an event', async () => {
  const events = await open('subscription { nothing }');
  expect(await events.rest()).toMatchObject([
    { event: 'next', data: { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] } },
    { event: 'complete' },
  ]);
});

it('ends upstream when the caller leaves, also while nothing happens', async () => {
  const left = new AbortController();
  const events = await open(MOVED, left.signal);
  await riders.backend.untilSubscribers(1);
  riders.backend.move('1', 'Ann');
  expect(await events.next()).toMatchObject({ data: { data: { riderMoved: { name: 'Ann' } } } });
  await sleep(20);
  left.abort();
  await riders.backend.untilSubscribers(0);
});

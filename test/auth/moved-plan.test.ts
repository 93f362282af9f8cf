/** Whoever was let in under one version of a plan does not keep what that granted by staying: a subscription that is moved lets its callers in anew. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plansSettings } from '../../src/load/settings/plan-settings.ts';
import { EventReader } from '../doors/event-reader.ts';
import { MOVED, RawSocket } from '../doors/riders.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { KeyMaker, type MadeKey } from './key-maker.ts';

const VIEW = `
type Query { rider(id: ID!): Rider }
type Subscription { riderMoved(id: ID!): Rider }
type Rider { id: ID!  name: String }
`;

const clients = ['iot'];
const PLANS = {
  socket: { clients },
  events: { clients },
  held: { clients, limits: [{ name: 'slow', limit: 1, per: '2s', burst: 1, delay: '10s', by: 'key' }] },
} as const;

let riders: RidersBackend;
let gateway: TestGateway;
let keys: KeyMaker;

beforeAll(async () => {
  riders = await RidersBackend.start();
  gateway = await startGateway({
    files: {
      'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders.url}\nspec: riders.graphql`,
      'connectors/riders/riders.graphql': RIDERS_SDL,
      'connectors/riders/schema.graphql': `
        type Query { rider(id: ID!): Rider @lookup @graphql }
        type Subscription { riderMoved(id: ID!): Rider @graphql }
        type Rider @key(fields: "id") { id: ID!  name: String }`,
      'clients/iot/client.yml': 'auth: { keys: { required: true } }',
      'schemas/iot.graphql': VIEW,
      'clients/plans.yml': JSON.stringify({ plans: PLANS }),
    },
  });
  keys = new KeyMaker(gateway);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await riders?.[Symbol.asyncDispose]();
});

/** A version without names, to which the subscription of a key is moved. */
async function narrow(plan: keyof typeof PLANS): Promise<void> {
  const { plans, subscriptions } = gateway.gateway.registry!;
  const narrower = { ...PLANS[plan], fields: { exclude: ['Rider.name'] } };
  const settings = plansSettings.parse({ plans: { ...PLANS, [plan]: narrower } });
  await plans.sync(new Map(Object.entries(settings.plans)));
  for (const { id } of subscriptions.list({ plan })) await subscriptions.move(id);
}

const events = ({ text }: MadeKey) =>
  gateway.fetch('/iot/graphql', {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'x-api-key': text },
    body: JSON.stringify({ query: MOVED }),
  });

test('over a websocket', async () => {
  const key = await keys.make('socket');
  const open = async () => {
    const raw = new RawSocket(gateway, undefined, { client: 'iot' });
    await raw.opened();
    raw.send({ type: 'connection_init', payload: { 'x-api-key': key.text } });
    return raw;
  };
  await using socket = await open();
  await socket.until(({ type }) => type === 'connection_ack');
  socket.subscribe('a', MOVED);
  await riders.untilSubscribers(1);
  riders.move('1', 'Ann');
  expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
    payload: { data: { riderMoved: { name: 'Ann' } } },
  });
  await narrow('socket');
  expect(await socket.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
  expect(socket.received.slice(-2)).toMatchObject([
    { payload: { errors: [{ message: expect.stringMatching(/plan has changed/) }] } },
    { id: 'a', type: 'complete' },
  ]);
  await riders.untilSubscribers(0);
  await using again = await open();
  await again.until(({ type }) => type === 'connection_ack');
  again.subscribe('b', MOVED);
  const refused = await again.until(({ id }) => id === 'b');
  expect(JSON.stringify(refused)).toContain('does not grant Rider.name');
});

test('over server-sent events', async () => {
  const key = await keys.make('events');
  const reader = EventReader.of(await events(key));
  await riders.untilSubscribers(1);
  await narrow('events');
  expect(await reader.rest()).toMatchObject([
    { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
    { event: 'complete' },
  ]);
  await riders.untilSubscribers(0);
});

test('while a caller is being let in', async () => {
  const key = await keys.make('held');
  await gateway.query('iot', '{ __typename }', { headers: { 'x-api-key': key.text } });
  // Held back for two seconds, by what was drawn on.
  const answering = events(key);
  await sleep(300);
  await narrow('held');
  expect(await EventReader.of(await answering).rest()).toMatchObject([
    { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
    { event: 'complete' },
  ]);
  await riders.untilSubscribers(0);
});

/** Each event of a subscription has the time of an operation for what hangs on it, also where a connector would wait longer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { RestBackend } from '../support/backends/rest.ts';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';

const DEADLINE_MS = 300;

describe.each(['compiled', 'reference'])('the %s engine', (engine) => {
  let riders: RidersBackend;
  let scores: RestBackend;
  let gateway: TestGateway;
  /** Names of riders whose score is never answered, or late. */
  let waitMs: (path: string) => number;
  let left = 0;

  beforeEach(async () => {
    waitMs = () => 0;
    left = 0;
    riders = await RidersBackend.start();
    scores = await RestBackend.start(async ({ url }, response) => {
      response.once('close', () => {
        if (!response.writableEnded) left++;
      });
      await sleep(waitMs(url));
      return { body: { id: url.slice(1), score: 7 } };
    });
    gateway = await startGateway({
      files: {
        'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders.url}\nspec: riders.graphql`,
        'connectors/riders/riders.graphql': RIDERS_SDL,
        'connectors/riders/schema.graphql': `
          type Query { rider(id: ID!): Rider @graphql }
          type Subscription { riderMoved(id: ID!): Rider @graphql }
          type Rider @key(fields: "id") { id: ID! name: String }`,
        'connectors/scores/connector.yml': `kind: rest\nendpoint: ${scores.url}\ntimeouts: { request: 20s }`,
        'connectors/scores/schema.graphql': `
          type Query { scored(id: ID!): Rider @lookup @internal @rest(get: "/{id}") }
          extend type Rider @key(fields: "id") { id: ID! score: Int }`,
        'schemas/web.graphql': `
          type Query { rider(id: ID!): Rider }
          type Subscription { riderMoved(id: ID!): Rider }
          type Rider { id: ID! name: String score: Int }`,
        'clients/web/client.yml': `engine: ${engine}\nlimits: { deadline: ${DEADLINE_MS}ms }`,
      },
    });
  });
  afterEach(async () => {
    await gateway[Symbol.asyncDispose]();
    await riders[Symbol.asyncDispose]();
    await scores[Symbol.asyncDispose]();
  });

  test('what is late is an error in its event, and the subscription goes on', async () => {
    const events = gateway.subscribe('web', 'subscription { riderMoved(id: "1") { name score } }');
    const next = async () => (await events.next()).value as GraphQLBody;
    const first = next();
    await riders.untilSubscribers(1);
    waitMs = () => 60_000;
    const startedAt = performance.now();
    riders.move('1', 'Late');
    const late = await first;
    expect(late.data).toEqual({ riderMoved: { name: 'Late', score: null } });
    expect(late.errors).toMatchObject([
      {
        path: ['riderMoved', 'score'],
        extensions: { code: 'UPSTREAM_TIMEOUT', connector: 'scores' },
      },
    ]);
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(DEADLINE_MS - 50);
    expect(tookMs).toBeLessThan(DEADLINE_MS + 3000);
    // Nobody waits for it at the backend, either.
    await expect.poll(() => left).toBe(1);

    waitMs = () => 0;
    riders.move('1', 'Ada');
    expect(await next()).toEqual({ data: { riderMoved: { name: 'Ada', score: 7 } } });
    await events.return?.();
  });

  test('time begins with the event, not with the subscription', async () => {
    const events = gateway.subscribe('web', 'subscription { riderMoved(id: "1") { score } }');
    const next = async () => (await events.next()).value as GraphQLBody;
    const first = next();
    await riders.untilSubscribers(1);
    waitMs = () => DEADLINE_MS / 3;
    for (let index = 0; index < 4; index++) {
      riders.move('1', 'Ada');
      expect(await (index === 0 ? first : next())).toEqual({ data: { riderMoved: { score: 7 } } });
      await sleep(DEADLINE_MS / 3);
    }
    await events.return?.();
  });
});

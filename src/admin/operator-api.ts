/** What operators do with consumers, plans, subscriptions and keys. The command line does the same. */
import { parseExpiry } from '../consumers/expiry-text.ts';
import { DEFAULT_OVERLAP_MS } from '../consumers/keys.ts';
import { planAsWritten } from '../load/settings/plan-settings.ts';
import { type ApiRoute, page, route } from './api-route.ts';
import { SHAPES } from './api-shapes.ts';

export const OPERATOR_ROUTES: readonly ApiRoute[] = [
  route('GET /api/plans', { run: ({ registry }) => ({ plans: registry.plans.list() }) }),
  route('GET /api/plans/:name', {
    run: ({ registry, params: [name] }) => {
      const { plan, version, content } = registry.plans.find(name!);
      return { ...plan, version, content: planAsWritten(content) };
    },
  }),

  route('GET /api/consumers', {
    query: SHAPES.page,
    run: ({ registry, query }) => {
      const { items, next } = page(registry.consumers.list(), query, ({ name }) => name);
      return { consumers: items, next };
    },
  }),
  route('POST /api/consumers', {
    body: SHAPES.consumer,
    status: 201,
    run: ({ registry, body }) => registry.consumers.create(body.name, body.title),
  }),
  route('GET /api/consumers/:name', {
    run: ({ registry, params: [name] }) => registry.consumers.show(name!),
  }),
  route('POST /api/consumers/:name/suspend', {
    run: ({ registry, params: [name] }) => registry.consumers.setSuspended(name!, true),
  }),
  route('POST /api/consumers/:name/resume', {
    run: ({ registry, params: [name] }) => registry.consumers.setSuspended(name!, false),
  }),
  route('POST /api/consumers/:name/token', {
    run: ({ registry, params: [name] }) => registry.consumers.renewToken(name!),
  }),

  route('GET /api/subscriptions', {
    query: SHAPES.subscriptionsWanted,
    run: ({ registry, query }) => {
      const { items, next } = page(registry.subscriptions.list(query), query, ({ id }) => id);
      return { subscriptions: items, next };
    },
  }),
  route('POST /api/subscriptions', {
    body: SHAPES.subscription,
    status: 201,
    run: ({ registry, body }) => registry.subscriptions.ask(body.consumer, body.plan, 'operator'),
  }),
  route('POST /api/subscriptions/:id/approve', {
    run: ({ registry, params: [id] }) => registry.subscriptions.decide(id!, 'approved'),
  }),
  route('POST /api/subscriptions/:id/deny', {
    body: SHAPES.decision,
    run: ({ registry, params: [id], body }) => registry.subscriptions.decide(id!, 'denied', body),
  }),
  route('POST /api/subscriptions/:id/cancel', {
    body: SHAPES.decision,
    run: ({ registry, params: [id], body }) => registry.subscriptions.decide(id!, 'cancelled', body),
  }),
  route('POST /api/subscriptions/:id/move', {
    body: SHAPES.move,
    run: ({ registry, params: [id], body }) => registry.subscriptions.move(id!, body.version),
  }),

  route('GET /api/keys', {
    query: SHAPES.keysWanted,
    run: async ({ registry, query }) => {
      const { items, next } = page(await registry.keys.list(query), query, ({ id }) => id);
      return { keys: items, next };
    },
  }),
  route('POST /api/keys', {
    body: SHAPES.key,
    status: 201,
    run: async ({ registry, body: { expires, ...wish } }) => {
      const { id, key, view } = await registry.keys.create(
        { ...wish, expiresAt: parseExpiry(expires, Date.now()) },
        'operator',
      );
      return { ...view, id, key };
    },
  }),
  route('POST /api/keys/import', {
    body: SHAPES.imported,
    status: 201,
    run: ({ registry, body: { expires, ...wish } }) =>
      registry.imports.take({ ...wish, expiresAt: parseExpiry(expires, Date.now()) }),
  }),
  route('GET /api/keys/:id', { run: ({ registry, params: [id] }) => registry.keys.show(id!) }),
  route('POST /api/keys/:id/rotate', {
    body: SHAPES.rotation,
    status: 201,
    run: async ({ registry, params: [id], body: { overlap = DEFAULT_OVERLAP_MS, expires } }) => {
      const wish = { overlapMs: overlap, expiresAt: parseExpiry(expires, Date.now()) };
      const { view, key } = await registry.keys.rotate(id!, wish);
      return { ...view, key };
    },
  }),
  route('DELETE /api/keys/:id', { run: ({ registry, params: [id] }) => registry.keys.revoke(id!) }),
];

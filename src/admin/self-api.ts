/** What consumers do by themselves, with their own token: each sees and changes only what is its own. */
import { parseExpiry } from '../consumers/expiry-text.ts';
import { DEFAULT_OVERLAP_MS } from '../consumers/keys.ts';
import { type ApiRoute, route } from './api-route.ts';
import { SHAPES } from './api-shapes.ts';

export const SELF_ROUTES: readonly ApiRoute[] = [
  route('GET /api/self', { run: ({ registry, consumer }) => registry.consumers.show(consumer) }),
  route('GET /api/self/plans', { run: ({ registry }) => ({ plans: registry.plans.offers() }) }),

  route('GET /api/self/subscriptions', {
    run: ({ registry, consumer }) => ({ subscriptions: registry.subscriptions.list({ consumer }) }),
  }),
  route('POST /api/self/subscriptions', {
    body: SHAPES.ownSubscription,
    status: 201,
    run: ({ registry, consumer, body }) => registry.subscriptions.ask(consumer, body.plan, 'consumer'),
  }),
  route('POST /api/self/subscriptions/:id/cancel', {
    run: ({ registry, consumer, params: [id] }) =>
      registry.subscriptions.decide(id!, 'cancelled', { consumer }),
  }),

  route('GET /api/self/keys', {
    run: async ({ registry, consumer }) => ({ keys: await registry.keys.list({ consumer }) }),
  }),
  route('POST /api/self/keys', {
    body: SHAPES.ownKey,
    status: 201,
    run: async ({ registry, consumer, body: { expires, ...wish } }) => {
      const made = { ...wish, consumer, expiresAt: parseExpiry(expires, Date.now()) };
      const { view, key } = await registry.keys.create(made, 'consumer');
      return { ...view, key };
    },
  }),
  route('GET /api/self/keys/:id', {
    run: ({ registry, consumer, params: [id] }) => registry.keys.show(id!, consumer),
  }),
  route('POST /api/self/keys/:id/rotate', {
    body: SHAPES.rotation,
    status: 201,
    run: async ({ registry, consumer, params: [id], body: { overlap = DEFAULT_OVERLAP_MS, expires } }) => {
      const wish = { overlapMs: overlap, expiresAt: parseExpiry(expires, Date.now()) };
      const { view, key } = await registry.keys.rotate(id!, wish, consumer);
      return { ...view, key };
    },
  }),
  route('DELETE /api/self/keys/:id', {
    run: ({ registry, consumer, params: [id] }) => registry.keys.revoke(id!, consumer),
  }),
];

/** The policies of a client, in their order. */
import type { ResponseCaches } from '../cache/response-cache.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import { type HemSettings, limitsOf } from '../load/settings.ts';
import type { View } from '../views/view.ts';
import { cachingOf } from './caching.ts';
import type { Grants } from './grants.ts';
import { guarding } from './guard.ts';
import { introspectingByPlan } from './introspecting-by-plan.ts';
import { invalidating } from './invalidating.ts';
import { type LimitingServices, limiting } from './limiting.ts';
import type { Policy } from './policy.ts';

export interface PolicyServices {
  readonly graph: ComposedGraph;
  readonly settings: HemSettings;
  readonly grants: Grants;
  readonly limits: LimitingServices;
  readonly caches: ResponseCaches;
}

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, services: PolicyServices): readonly Policy[] {
  const { graph, settings, grants, limits, caches } = services;
  const { deadlineMs } = limitsOf(settings, view.client.settings);
  return [
    // What a caller may not see costs nobody anything.
    guarding(view, grants),
    // What is refused for more than there is left costs no backend anything.
    limiting(view, limits),
    // A mutation has changed what was kept, also when its caller reads of an error.
    invalidating({ view, graph, invalidate: (what) => caches.invalidate(what) }),
    // Whoever is answered from a cache was let in and counted as all others are.
    cachingOf({ view, graph, caches, deadlineMs }),
    // The innermost, because it answers: whatever counts or keeps answers has to come before.
    introspectingByPlan(view, grants),
  ].filter((policy) => policy !== undefined);
}

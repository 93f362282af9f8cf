/** The policies of a client, in their order. */
import type { ResponseCaches } from '../cache/response-cache.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import { type HemSettings, limitsOf } from '../load/settings.ts';
import type { View } from '../views/view.ts';
import { cachingOf } from './caching.ts';
import { guarding } from './guard.ts';
import { invalidating } from './invalidating.ts';
import type { Policy } from './policy.ts';

export interface PolicyParts {
  readonly graph: ComposedGraph;
  readonly settings: HemSettings;
  readonly caches: ResponseCaches;
}

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, { graph, settings, caches }: PolicyParts): readonly Policy[] {
  const { deadlineMs } = limitsOf(settings, view.client.settings);
  return [
    // What a caller may not see costs nobody anything.
    guarding(view),
    invalidating({ view, graph, invalidate: (what) => caches.invalidate(what) }),
    // Next to the engine: whoever is answered from a cache was let in and counted as all others are.
    cachingOf({ view, graph, caches, deadlineMs }),
  ].filter((policy) => policy !== undefined);
}

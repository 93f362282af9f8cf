/** The policies of a client, in their order. */
import type { ResponseCaches } from '../cache/response-cache.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import { type HemSettings, limitsOf } from '../load/settings/settings.ts';
import type { SourceDirectory } from '../load/source-directory.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { View } from '../views/view.ts';
import type { Grants } from './auth/grants.ts';
import { guarding } from './auth/guard.ts';
import { introspectingByPlan } from './auth/introspecting-by-plan.ts';
import { boundedVariables } from './bounded-variables.ts';
import { cachingOf } from './cache/caching.ts';
import { invalidating } from './cache/invalidating.ts';
import { type LimitingServices, limiting } from './limits/limiting.ts';
import type { Policy } from './policy.ts';
import { counting } from './watch/counting.ts';
import { noting } from './watch/request-notes.ts';
import { tracing } from './watch/tracing.ts';

export interface PolicyServices {
  readonly graph: ComposedGraph;
  readonly settings: HemSettings;
  readonly sources: Pick<SourceDirectory, 'digestOf'>;
  readonly grants: Grants;
  readonly limits: LimitingServices;
  readonly caches: ResponseCaches;
  /** Undefined where nothing is counted. */
  readonly metrics?: Metrics | undefined;
  /** Whether requests have a line in the log. */
  readonly noted?: boolean;
  /** Whether requests are traced. */
  readonly traced?: boolean;
}

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, services: PolicyServices): readonly Policy[] {
  const { graph, settings, sources, grants, limits, caches, metrics, noted, traced } = services;
  const bounds = limitsOf(settings, view.client.settings);
  const { deadlineMs } = bounds;
  return [
    noted ? noting() : undefined,
    traced ? tracing(view.client.name) : undefined,
    // Also what is refused has been asked for.
    counting(view, metrics),
    // Nothing reads variables that nobody has measured.
    boundedVariables(view, bounds),
    // What a caller may not see costs nobody anything.
    guarding(view, grants),
    // What is refused for more than there is left costs no backend anything.
    limiting(view, limits),
    // A mutation has changed what was kept, also when its caller reads of an error.
    invalidating({ view, graph, invalidate: (what) => caches.invalidate(what) }),
    // Whoever is answered from a cache was let in and counted as all others are.
    cachingOf({ view, graph, caches, sources, deadlineMs }),
    // The innermost, because it answers: whatever counts or keeps answers has to come before.
    introspectingByPlan(view, grants),
  ].filter((policy) => policy !== undefined);
}

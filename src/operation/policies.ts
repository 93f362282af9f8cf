/** The policies of a client, in their order. */
import { type HemSettings, limitsOf } from '../load/settings.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { View } from '../views/view.ts';
import { boundedVariables } from './bounded-variables.ts';
import { counting } from './counting.ts';
import type { Grants } from './grants.ts';
import { guarding } from './guard.ts';
import { introspectingByPlan } from './introspecting-by-plan.ts';
import { type LimitingServices, limiting } from './limiting.ts';
import type { Policy } from './policy.ts';
import { noting } from './request-notes.ts';
import { tracing } from './tracing.ts';

export interface PolicyServices {
  readonly settings: HemSettings;
  readonly grants: Grants;
  readonly limits: LimitingServices;
  /** Undefined where nothing is counted. */
  readonly metrics?: Metrics | undefined;
  /** Whether requests have a line in the log. */
  readonly noted?: boolean;
  /** Whether requests are traced. */
  readonly traced?: boolean;
}

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(
  view: View,
  { settings, grants, limits, metrics, noted, traced }: PolicyServices,
): readonly Policy[] {
  return [
    noted ? noting() : undefined,
    traced ? tracing(view.client.name) : undefined,
    // Also what is refused has been asked for.
    counting(view, metrics),
    // Nothing reads variables that nobody has measured.
    boundedVariables(view, limitsOf(settings, view.client.settings)),
    // What a caller may not see costs nobody anything.
    guarding(view, grants),
    // What is refused for more than there is left costs no backend anything.
    limiting(view, limits),
    // The innermost, because it answers: whatever counts or keeps answers has to come before.
    introspectingByPlan(view, grants),
  ].filter((policy) => policy !== undefined);
}

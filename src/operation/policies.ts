/** The policies of a client, in their order. */
import type { View } from '../views/view.ts';
import type { Grants } from './grants.ts';
import { guarding } from './guard.ts';
import { introspectingByPlan } from './introspecting-by-plan.ts';
import { type LimitingServices, limiting } from './limiting.ts';
import type { Policy } from './policy.ts';

interface PolicyServices {
  readonly grants: Grants;
  readonly limits: LimitingServices;
}

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, { grants, limits }: PolicyServices): readonly Policy[] {
  return [
    // What a caller may not see costs nobody anything.
    guarding(view, grants),
    // What is refused for more than there is left costs no backend anything.
    limiting(view, limits),
    // The innermost, because it answers: whatever counts or keeps answers has to come before.
    introspectingByPlan(view, grants),
  ].filter((policy) => policy !== undefined);
}

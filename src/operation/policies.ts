/** The policies of a client, in their order. */
import type { View } from '../views/view.ts';
import type { Grants } from './grants.ts';
import { guarding } from './guard.ts';
import { introspectingByPlan } from './introspecting-by-plan.ts';
import type { Policy } from './policy.ts';

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, grants: Grants): readonly Policy[] {
  return [
    // What a caller may not see costs nobody anything.
    guarding(view, grants),
    // The innermost, because it answers: whatever counts or keeps answers has to come before.
    introspectingByPlan(view, grants),
  ].filter((policy) => policy !== undefined);
}

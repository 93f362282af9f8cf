/** The policies of a client, in their order. */
import type { View } from '../views/view.ts';
import { guarding } from './guard.ts';
import { type LimitingServices, limiting } from './limiting.ts';
import type { Policy } from './policy.ts';

/** The outermost first. What comes later sees only what was let pass. */
export function policiesOf(view: View, limits: LimitingServices): readonly Policy[] {
  return [
    // What a caller may not see costs nobody anything.
    guarding(view),
    // What is refused for more than there is left costs no backend anything.
    limiting(view, limits),
  ].filter((policy) => policy !== undefined);
}

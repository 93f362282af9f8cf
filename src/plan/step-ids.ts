/**
 * Which step of a plan that ran is which of the plan that is shown. The shown one has everything that `@skip` and `@include` may leave
 * out, so its steps are more, and may come in another order.
 */
import type { ObjectPlan, ObjectsPlan, Plan, Step } from './plan.ts';

/** The ids that `describe.ts` gives. */
export function stepIds(shown: Plan, ran: Plan): ReadonlyMap<Step, string> {
  const ids = new Map<Step, string>();
  ofObject(shown.root, ran.root, '', ids);
  ofObjects(shown.stream?.what.below, ran.stream?.what.below, '1', ids);
  return ids;
}

function ofObject(shown: ObjectPlan, ran: ObjectPlan, prefix: string, ids: Map<Step, string>): void {
  const free = new Set(shown.steps.keys());
  for (const step of ran.steps) {
    const index = [...free].find((candidate) => isSame(shown.steps[candidate]!, step));
    if (index === undefined) continue;
    free.delete(index);
    const id = `${prefix}${index + 1}`;
    ids.set(step, id);
    ofObjects(shown.steps[index]!.what.below, step.what.below, id, ids);
  }
}

function ofObjects(
  shown: ObjectsPlan | undefined,
  ran: ObjectsPlan | undefined,
  id: string,
  ids: Map<Step, string>,
): void {
  if (shown === undefined || ran === undefined) return;
  if (shown.single !== undefined && ran.single !== undefined) {
    ofObject(shown.single, ran.single, `${id}.`, ids);
    return;
  }
  for (const [typeName, plan] of ran.byType) {
    const other = shown.byType.get(typeName);
    if (other !== undefined) ofObject(other, plan, `${id}.${typeName}.`, ids);
  }
}

/** Of one object a response key is one field: what fetches the same for one of them is the same step. */
function isSame({ what: shown }: Step, { what: ran }: Step): boolean {
  return (
    shown.kind === ran.kind &&
    shown.connector === ran.connector &&
    shown.field === ran.field &&
    [...ran.wantedBy].some((label) => shown.wantedBy.has(label))
  );
}

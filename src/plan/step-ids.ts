/**
 * Which step of a plan that ran is which of the plan that is shown. The shown one has everything that `@skip` and `@include` may leave
 * out, so its steps are more, and may come in another order. What is selected once may stand below several steps: which one it is says
 * the step above.
 */
import type { TracedStep } from '../execute/trace.ts';
import type { ObjectPlan, ObjectsPlan, Plan, Step } from './plan.ts';

interface ShownStep {
  /** As `describe.ts` gives them. */
  readonly id: string;
  readonly below: ObjectsPlan | undefined;
}

export class StepIds {
  readonly #shown: Plan;
  readonly #ran: Plan;
  readonly #known = new Map<TracedStep, ShownStep | undefined>();

  constructor(shown: Plan, ran: Plan) {
    this.#shown = shown;
    this.#ran = ran;
  }

  /** Undefined for what is not shown. */
  of(traced: TracedStep): string | undefined {
    return this.#find(traced)?.id;
  }

  #find(traced: TracedStep): ShownStep | undefined {
    if (this.#known.has(traced)) return this.#known.get(traced);
    const found = this.#findNew(traced);
    this.#known.set(traced, found);
    return found;
  }

  #findNew({ what, above }: TracedStep): ShownStep | undefined {
    const step = what as Step;
    if (above !== undefined) {
      const shown = this.#find(above);
      return shown && findBelow(step, (above.what as Step).what.below, shown);
    }
    const { stream } = this.#shown;
    return stream === undefined
      ? findAmong(step, this.#ran.root, this.#shown.root, '')
      : findBelow(step, this.#ran.stream?.what.below, { id: '1', below: stream.what.below });
  }
}

function findBelow(
  step: Step,
  ran: ObjectsPlan | undefined,
  { id, below }: ShownStep,
): ShownStep | undefined {
  if (ran === undefined || below === undefined) return undefined;
  if (ran.single !== undefined && below.single !== undefined)
    return findAmong(step, ran.single, below.single, `${id}.`);
  const [typeName, plan] = [...ran.byType].find(([, { steps }]) => steps.includes(step)) ?? [];
  const shown = typeName === undefined ? undefined : below.byType.get(typeName);
  return plan === undefined || shown === undefined
    ? undefined
    : findAmong(step, plan, shown, `${id}.${typeName}.`);
}

function findAmong(step: Step, ran: ObjectPlan, shown: ObjectPlan, prefix: string): ShownStep | undefined {
  const free = new Set(shown.steps.keys());
  for (const own of ran.steps) {
    const index = [...free].find((candidate) => isSame(shown.steps[candidate]!, own));
    if (index === undefined) continue;
    free.delete(index);
    if (own === step) return { id: `${prefix}${index + 1}`, below: shown.steps[index]!.what.below };
  }
  return undefined;
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

/** A plan in words and numbers: what `hem explain` and `extensions.plan` show. */
import type { ObjectPlan, ObjectsPlan, Plan, Step } from './plan.ts';

export interface PlanDescription {
  readonly operation: string;
  readonly steps: readonly DescribedStep[];
  /** Backend calls at worst: a number, and what is multiplied by the length of which lists. */
  readonly worstCase: string;
}

export interface DescribedStep {
  readonly id: string;
  readonly label: string;
  readonly kind: 'call' | 'lookup' | 'objects' | 'stream';
  readonly connector: string;
  readonly field: string;
  /** "1", or the lists whose lengths multiply it; undefined for what makes no call. */
  readonly calls: string | undefined;
  readonly batched: boolean;
  /** Ids of the steps that it waits for. */
  readonly after: readonly string[];
  readonly why: string;
  readonly conditional: boolean;
  readonly steps: readonly DescribedStep[];
}

export function describePlan(plan: Plan): PlanDescription {
  const steps = describeObject(plan.root, '', []);
  const all = plan.stream === undefined ? steps : [describeStream(plan.stream.field), ...steps];
  return { operation: plan.operation, steps: all, worstCase: worstCaseOf(all) };
}

function describeStream(field: {
  readonly coordinate: string;
  readonly owner: { readonly connector: { readonly name: string } };
}): DescribedStep {
  const { coordinate, owner } = field;
  return {
    id: '0',
    label: coordinate,
    kind: 'stream',
    connector: owner.connector.name,
    field: coordinate,
    calls: undefined,
    batched: false,
    after: [],
    why: 'gives the events; what follows happens for each',
    conditional: false,
    steps: [],
  };
}

/** @param lists labels of the lists around: what happens here happens for each of their objects */
function describeObject(
  plan: ObjectPlan,
  prefix: string,
  lists: readonly string[],
): readonly DescribedStep[] {
  const idOf = (index: number) => `${prefix}${index + 1}`;
  return plan.steps.map((step, index) => describeStep(step, idOf(index), step.after.map(idOf), lists));
}

function describeStep(
  { what }: Step,
  id: string,
  after: readonly string[],
  lists: readonly string[],
): DescribedStep {
  const { kind, connector, field, batched, label, why, conditional, below, list } = what;
  const inside = list ? [...lists, `${label}[]`] : lists;
  return {
    id,
    label,
    kind,
    connector,
    field,
    calls: kind === 'objects' ? undefined : batched || lists.length === 0 ? '1' : lists.join(' × '),
    batched,
    after: [...new Set(after)],
    why,
    conditional,
    steps: below === undefined || below.pure ? [] : describeBelow(below, `${id}.`, inside),
  };
}

function describeBelow(
  below: ObjectsPlan,
  prefix: string,
  lists: readonly string[],
): readonly DescribedStep[] {
  if (below.single !== undefined) return describeObject(below.single, prefix, lists);
  return [...below.byType].flatMap(([typeName, plan]) =>
    describeObject(plan, `${prefix}${typeName}.`, lists).map((step) => ({
      ...step,
      label: `${step.label} on ${typeName}`,
    })),
  );
}

function worstCaseOf(steps: readonly DescribedStep[]): string {
  const counts = new Map<string, number>();
  const add = (step: DescribedStep): void => {
    if (step.calls !== undefined) counts.set(step.calls, (counts.get(step.calls) ?? 0) + 1);
    step.steps.forEach(add);
  };
  steps.forEach(add);
  const fixed = counts.get('1') ?? 0;
  const rest = [...counts]
    .filter(([calls]) => calls !== '1')
    .map(([calls, count]) => (count === 1 ? calls : `${count} × ${calls}`));
  return [...(fixed > 0 || rest.length === 0 ? [String(fixed)] : []), ...rest].join(' + ');
}

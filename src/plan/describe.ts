/** How an operation is executed, in words and numbers: what `hem explain` and `extensions.plan` show. */
import { type DocumentNode, getOperationAST, type OperationDefinitionNode } from 'graphql';
import type { View } from '../views/view.ts';
import { type Bounds, boundsOf, callsAtMost, objectsPerCallOf, placeBelow } from './bounds.ts';
import { type CompileInput, compilePlan } from './compile.ts';
import { incrementalUses, NOT_IN_PARTS } from './incremental.ts';
import { NotCompiled, type ObjectPlan, type ObjectsPlan, type Plan, type StepDescription } from './plan.ts';
import { tryCompile } from './try-compile.ts';

/** How long every list is taken to be, unless somebody says otherwise. */
export const ASSUMED_LIST_LENGTH = 10;

/** The form is documented in `docs/query-plan.md`; programs read it. */
export type OperationDescription = OperationFacts &
  (({ readonly engine: 'compiled' } & PlanDescription) | ReferenceDescription);

interface OperationFacts {
  readonly client: string;
  /** Null for an operation without a name. */
  readonly name: string | null;
  readonly operation: Plan['operation'];
  /** Where fragments are deferred or lists streamed: how that is done for callers who take an answer in parts. */
  readonly inParts?: PartsDescription;
}

interface PartsDescription extends ReferenceDescription {
  /** Deferred fragments and streamed lists, as `limits.deferred` counts them. */
  readonly deferred: number;
}

interface PlanDescription extends Bounds {
  readonly steps: readonly DescribedStep[];
}

interface ReferenceDescription {
  readonly engine: 'reference';
  /** Why it is not the compiled one. */
  readonly reason: string;
}

export interface DescribedStep {
  /** By its place: `1.2` is the second step below step 1, `1.Bike.2` the second for objects of the type Bike. */
  readonly id: string;
  readonly kind: StepDescription['kind'];
  /** Response key of the field, or the type that is looked up. */
  readonly label: string;
  /** Where the objects are that it happens for: response keys, `[]` after those of lists. Empty at the root. */
  readonly at: string;
  /** The type that it happens for, where objects of several may stand. */
  readonly on?: string;
  readonly connector: string;
  /** The connector's field that is called or read. */
  readonly field: string;
  /** The backend call as the binding says it; null for a step that makes none. */
  readonly call: string | null;
  /** The GraphQL document that is sent, of a GraphQL connector. */
  readonly document?: string;
  /** How many objects one call takes. */
  readonly objectsPerCall: number | null;
  /** How many of its calls are under way at the same time, at most. */
  readonly callsAtOnce: number | null;
  /** How many calls it makes at most: a number, or what grows with the objects at a place. */
  readonly calls: string | null;
  /**
   * The first of the steps that ask the same as this one, or it itself: what they ask for at one time is one batch, and nothing is asked
   * for twice. Null when no other does.
   */
  readonly group: string | null;
  /** Ids of the steps beside it that must have ended first. The one above it must have answered. */
  readonly after: readonly string[];
  /** It is asked at the same time as the step above it, which is given its key, and waits for nothing. */
  readonly ahead: boolean;
  /** Response keys of the fields that need it. */
  readonly wantedBy: readonly string[];
  readonly why: string;
  /** Depends on `@skip` or `@include` by a variable. */
  readonly conditional: boolean;
  /** The id of an earlier step: below this one it is the same as below that one. Of plans that are too large what is the same is not repeated. */
  readonly sameBelowAs?: string;
  readonly steps: readonly DescribedStep[];
}

/** Shows all that may happen, whatever the values of `@skip` and `@include`. */
export function describeOperation(
  input: CompileInput,
  document: DocumentNode,
  operationName: string | undefined,
  listLength = ASSUMED_LIST_LENGTH,
): OperationDescription {
  const facts = factsOf(input, document, operationName);
  if (input.view.client.settings.engine === 'reference')
    return { ...facts, ...onReference(chosenReason(input.view)) };
  const plan = tryCompile(() => compilePlan(input, document, operationName));
  return plan instanceof NotCompiled
    ? { ...facts, ...onReference(plan.message) }
    : { ...facts, engine: 'compiled', ...describePlan(plan, listLength) };
}

export function factsOf(
  { view }: Pick<CompileInput, 'view'>,
  document: DocumentNode,
  operationName: string | undefined,
): OperationFacts {
  const node = getOperationAST(document, operationName);
  return {
    client: view.client.name,
    name: node?.name?.value ?? null,
    operation: node?.operation ?? ('query' as Plan['operation']),
    ...partsOf(view, document, node),
  };
}

/** Events of a subscription come whole. */
function partsOf(
  { schema }: View,
  document: DocumentNode,
  node: OperationDefinitionNode | null | undefined,
): Pick<OperationFacts, 'inParts'> {
  const use = node && node.operation !== 'subscription' && incrementalUses(schema, document)?.get(node);
  return use ? { inParts: { ...onReference(NOT_IN_PARTS), deferred: use.parts } } : {};
}

/** Why a client's operations run on the reference engine when client.yml says so. */
export function chosenReason({ client }: View): string {
  return `clients/${client.name}/client.yml says "engine: reference"`;
}

function onReference(reason: string): ReferenceDescription {
  return { engine: 'reference', reason };
}

export function describePlan(plan: Plan, listLength = ASSUMED_LIST_LENGTH): PlanDescription {
  const describer = new Describer(listLength);
  const root: Surroundings = { prefix: '', at: '', on: undefined };
  const steps =
    plan.stream === undefined
      ? describer.ofObject(plan.root, root)
      : [describer.ofStep(plan.stream.what, '1', [], root)];
  return {
    ...boundsOf(plan, listLength),
    steps: plan.operation === 'mutation' ? oneAfterTheOther(steps) : steps,
  };
}

/** Root fields of a mutation wait for each other. */
function oneAfterTheOther(steps: readonly DescribedStep[]): readonly DescribedStep[] {
  return steps.map((step, index) => (index === 0 ? step : { ...step, after: [steps[index - 1]!.id] }));
}

/** Where the steps of one object are. */
interface Surroundings {
  readonly prefix: string;
  readonly at: string;
  readonly on: string | undefined;
}

/** Types that stand in for each other level after level would be described once per way that leads to them. */
const MAX_STEPS = 1000;

class Describer {
  readonly #listLength: number;
  readonly #groups = new Map<string, string>();
  /** What was described below which step, by the place. */
  readonly #described = new Map<ObjectsPlan, Map<string, string>>();
  #steps = 0;

  constructor(listLength: number) {
    this.#listLength = listLength;
  }

  ofObject(plan: ObjectPlan, where: Surroundings): readonly DescribedStep[] {
    const idOf = (index: number) => `${where.prefix}${index + 1}`;
    return plan.steps.map(({ what, after }, index) =>
      this.ofStep(what, idOf(index), [...new Set(after)].map(idOf), where),
    );
  }

  ofStep(
    what: StepDescription,
    id: string,
    after: readonly string[],
    { at, on }: Surroundings,
  ): DescribedStep {
    const { kind, label, connector, field, ahead, wantedBy, why, conditional } = what;
    this.#steps++;
    const described = what.describe?.();
    const objectsPerCall = objectsPerCallOf(what) ?? null;
    return {
      id,
      kind,
      label,
      at,
      ...(on === undefined ? {} : { on }),
      connector,
      field,
      call: described?.text ?? null,
      ...(described?.document === undefined ? {} : { document: described.document }),
      objectsPerCall,
      callsAtOnce: objectsPerCall === null ? null : described!.callsAtOnce,
      calls: objectsPerCall === null ? null : callsAtMost(at, objectsPerCall, this.#listLength),
      group: this.#groupOf(what, id),
      after,
      ahead,
      wantedBy: [...wantedBy],
      why,
      conditional,
      ...this.#below(what, id, at),
    };
  }

  #groupOf({ sharedAs }: StepDescription, id: string): string | null {
    const shared = sharedAs?.();
    if (shared === undefined) return null;
    const first = this.#groups.get(shared) ?? id;
    this.#groups.set(shared, first);
    return first;
  }

  /** What is selected once may stand below several steps: below each of the types of an interface, for one. */
  #below(what: StepDescription, id: string, above: string): Pick<DescribedStep, 'sameBelowAs' | 'steps'> {
    const { below } = what;
    if (below === undefined || below.pure) return { steps: [] };
    const at = placeBelow(above, what);
    const known = this.#described.get(below) ?? new Map<string, string>();
    this.#described.set(below, known);
    const earlier = known.get(at);
    if (earlier === undefined) known.set(at, id);
    const steps = earlier !== undefined && this.#steps >= MAX_STEPS ? [] : this.#ofObjects(below, id, at);
    return earlier === undefined ? { steps } : { sameBelowAs: earlier, steps };
  }

  #ofObjects(plans: ObjectsPlan, id: string, at: string): readonly DescribedStep[] {
    if (plans.single !== undefined)
      return this.ofObject(plans.single, { prefix: `${id}.`, at, on: undefined });
    return [...plans.byType].flatMap(([on, plan]) => this.ofObject(plan, { prefix: `${id}.${on}.`, at, on }));
  }
}

/** How an operation is executed, in words and numbers: what `hem explain` and `extensions.plan` show. */
import { type DocumentNode, getOperationAST } from 'graphql';
import type { View } from '../views/view.ts';
import { type CompileInput, compilePlan } from './compile.ts';
import { NotCompiled, type ObjectPlan, type ObjectsPlan, type Plan, type StepDescription } from './plan.ts';
import { callsAtMost, longestChain, type WorstCase, worstCaseOf } from './worst-case.ts';

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
}

interface PlanDescription {
  readonly worstCase: WorstCase;
  readonly longestChain: Chain;
  readonly steps: readonly DescribedStep[];
}

interface ReferenceDescription {
  readonly engine: 'reference';
  /** Why it is not the compiled one. */
  readonly reason: string;
}

/** The calls that wait for each other: how many backend answers an answer takes one after the other. */
export interface Chain {
  readonly calls: number;
  /** Ids. */
  readonly steps: readonly string[];
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
  /** How many calls it makes at most: a number, or what grows with the objects at a place. */
  readonly calls: string | null;
  /** Ids of steps that ask the same: what they ask for at one time is one batch, and nothing is asked for twice. */
  readonly sharesWith: readonly string[];
  /** Ids of the steps beside it that must have ended first. The one above it must have answered. */
  readonly after: readonly string[];
  /** Response keys of the fields that need it. */
  readonly wantedBy: readonly string[];
  readonly why: string;
  /** Depends on `@skip` or `@include` by a variable. */
  readonly conditional: boolean;
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
  try {
    const plan = compilePlan(input, document, operationName);
    return { ...facts, engine: 'compiled', ...describePlan(plan, listLength) };
  } catch (error) {
    if (error instanceof NotCompiled) return { ...facts, ...onReference(error.message) };
    throw error;
  }
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
  };
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
  const steps =
    plan.stream === undefined
      ? describer.ofObject(plan.root, { prefix: '', at: '', on: undefined })
      : [describer.ofStep(plan.stream.what, '1', [], { prefix: '', at: '', on: undefined })];
  const complete = withoutThemselves(steps);
  const inOrder = plan.operation === 'mutation' ? oneAfterTheOther(complete) : complete;
  return {
    worstCase: worstCaseOf(inOrder, listLength),
    longestChain: longestChain(inOrder),
    steps: inOrder,
  };
}

/** A step shares with the others of its group. */
function withoutThemselves(steps: readonly DescribedStep[]): readonly DescribedStep[] {
  return steps.map((step) => ({
    ...step,
    sharesWith: step.sharesWith.filter((id) => id !== step.id),
    steps: withoutThemselves(step.steps),
  }));
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

class Describer {
  readonly #listLength: number;
  readonly #groups = new Map<string, string[]>();

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
    const { kind, label, connector, field, wantedBy, why, conditional, below } = what;
    const described = what.describe?.();
    const makesCalls = described !== undefined && kind !== 'stream';
    const objectsPerCall = makesCalls ? (what.batchSize ?? described.batchSize) : null;
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
      calls: objectsPerCall === null ? null : callsAtMost(at, objectsPerCall, this.#listLength),
      sharesWith: this.#sharing(what, id),
      after,
      wantedBy: [...wantedBy],
      why,
      conditional,
      steps: below === undefined || below.pure ? [] : this.#below(below, id, placeBelow(at, what, below)),
    };
  }

  /** Steps that are described later belong to it, too. */
  #sharing({ sharedAs }: StepDescription, id: string): readonly string[] {
    const shared = sharedAs?.();
    if (shared === undefined) return [];
    const group = this.#groups.get(shared) ?? [];
    this.#groups.set(shared, group);
    group.push(id);
    return group;
  }

  #below(below: ObjectsPlan, id: string, at: string): readonly DescribedStep[] {
    if (below.single !== undefined)
      return this.ofObject(below.single, { prefix: `${id}.`, at, on: undefined });
    return [...below.byType].flatMap(([on, plan]) => this.ofObject(plan, { prefix: `${id}.${on}.`, at, on }));
  }
}

/** Objects that a path only leads through have no place of their own in the answer; they are of no view's type. */
function placeBelow(at: string, { label, lists }: StepDescription, below: ObjectsPlan): string {
  const isPassedThrough = below.byType.size === 0;
  if (isPassedThrough) return at;
  return `${at === '' ? '' : `${at}.`}${label}${'[]'.repeat(lists)}`;
}

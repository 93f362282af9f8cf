/** The compiled engine: each operation once into a plan, then steps and a projection. What does not compile runs on the reference engine. */
import { type DocumentNode, type ExecutionResult, getVariableValues, type VariableValues } from 'graphql';
import { StreamGap } from '../connectors/kind.ts';
import { UpstreamError } from '../errors.ts';
import type { Engine, InEventTime, Operation } from '../execute/engine.ts';
import { type Caller, type Execution, newExecution } from '../execute/execution.ts';
import { toFieldError } from '../execute/field-errors.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { View } from '../views/view.ts';
import { NO_VARIABLES } from './arguments.ts';
import { compilePlan } from './compile.ts';
import type { KeptPlans } from './kept-plans.ts';
import { NotCompiled, type Plan } from './plan.ts';
import { Cell, FAILED, GIVE_UP, type Run } from './run.ts';
import { fetchObjects } from './steps.ts';
import { Variants } from './variants.ts';

const NO_RECORD = Object.freeze(Object.create(null));

export interface CompiledEngine extends Engine {
  /** How many operations were handed to the reference engine because they do not compile. */
  readonly notCompiled: () => number;
}

export function compiledEngine(
  view: View,
  graph: ComposedGraph,
  connections: Connections,
  { reference, plans }: { readonly reference: Engine; readonly plans: KeptPlans },
): CompiledEngine {
  const documents = new WeakMap<DocumentNode, Map<string | undefined, Variants>>();
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  const hideSuggestions = !view.client.settings.introspection;
  let notCompiled = 0;

  const variantsOf = ({ document, operationName }: Operation): Variants => {
    const byName = documents.get(document) ?? new Map<string | undefined, Variants>();
    documents.set(document, byName);
    const variants =
      byName.get(operationName) ??
      new Variants(document, operationName, {
        compile: (conditions) =>
          compilePlan({ view, graph, connections }, document, operationName, conditions),
        schema: view.schema,
        all: plans,
      });
    byName.set(operationName, variants);
    return variants;
  };

  const prepare = (operation: Operation, caller: Caller): Prepared => {
    const variants = variantsOf(operation);
    let variables = NO_VARIABLES;
    if (variants.variableDefinitions.length > 0) {
      const outcome = getVariableValues(view.schema, variants.variableDefinitions, operation.variables, {
        maxErrors: 50,
        hideSuggestions,
      });
      if (outcome.errors !== undefined) return { refused: { errors: outcome.errors } };
      variables = outcome.variableValues;
    }
    const plan = variants.planFor(variables);
    if (plan instanceof NotCompiled) {
      notCompiled++;
      return 'reference';
    }
    return { plan, run: newRun(variables, newExecution(graph, connections, caller)) };
  };

  return {
    notCompiled: () => notCompiled,
    async execute(operation, caller) {
      const prepared = prepare(operation, caller);
      if (prepared === 'reference') return reference.execute(operation, caller);
      return 'refused' in prepared ? prepared.refused : executePlan(prepared.plan, prepared.run);
    },
    async subscribe(operation, caller, inEventTime) {
      const prepared = prepare(operation, caller);
      if (prepared === 'reference') return reference.subscribe(operation, caller, inEventTime);
      if ('refused' in prepared) return prepared.refused;
      const { plan, run } = prepared;
      const { coordinate } = plan.stream!.field;
      const locate = (error: unknown) => toFieldError(error, coordinate, connectors);
      return eventsOf(plan, run, { inEventTime, locate });
    },
  };
}

type Prepared =
  | 'reference'
  | { readonly refused: ExecutionResult }
  | { readonly plan: Plan; readonly run: Run };

function newRun(variables: VariableValues, execution: Execution): Run {
  return { execution, variables, errors: [], tracking: false };
}

async function executePlan(plan: Plan, run: Run): Promise<ExecutionResult> {
  const root = new Cell(NO_RECORD, plan.root);
  if (plan.operation === 'mutation') {
    // Root fields of a mutation run one after the other (GraphQL, 6.2.2).
    for (const step of plan.root.steps) await step.run([root], run);
  } else {
    await fetchObjects(plan.root.steps, [root], run);
  }
  return answer(plan, root, run);
}

/** Without paths first; if anything is wrong, once more with paths. */
function answer(plan: Plan, root: Cell, run: Run): ExecutionResult {
  const { fallbacks } = run.execution;
  // Those that were used to make calls.
  const earlier = fallbacks.length;
  let data: unknown;
  try {
    data = plan.root.project(root, run, undefined);
  } catch (error) {
    if (error !== GIVE_UP) throw error;
    run.tracking = true;
    fallbacks.length = earlier;
    data = plan.root.project(root, run, undefined);
  }
  return {
    ...(run.errors.length > 0 ? { errors: run.errors } : {}),
    data: data === FAILED ? null : (data as Record<string, unknown>),
    ...(fallbacks.length > 0 ? { extensions: { fallbacks } } : {}),
  };
}

/** Every event is a run of its own: nothing loaded for one serves the next. */
async function* eventsOf(
  plan: Plan,
  opening: Run,
  { inEventTime, locate }: { readonly inEventTime: InEventTime; locate(error: unknown): Error },
): AsyncGenerator<ExecutionResult, void> {
  const stream = plan.stream!;
  const { graph, connections } = opening.execution;
  const { connector } = stream.field.owner;
  try {
    for await (const event of stream.open(opening)) {
      const value =
        event instanceof StreamGap
          ? new UpstreamError('UPSTREAM_GAP', connector.name, { internal: event.reason })
          : event;
      yield await inEventTime(async (caller) => {
        const run = newRun(opening.variables, newExecution(graph, connections, caller));
        const root = new Cell(NO_RECORD, plan.root);
        await stream.place(value, root, run);
        return answer(plan, root, run);
      });
    }
  } catch (error) {
    throw locate(error);
  }
}

/** The compiled engine: each operation once into a plan, then steps and a projection. What does not compile runs on the reference engine. */
import { type DocumentNode, type ExecutionResult, getVariableValues, type VariableValues } from 'graphql';
import { StreamGap } from '../connectors/kind.ts';
import { UpstreamError } from '../errors.ts';
import type { Engine, Operation } from '../execute/engine.ts';
import { type Caller, type Execution, newExecution } from '../execute/execution.ts';
import { toFieldError } from '../execute/field-errors.ts';
import { withTrace } from '../execute/trace.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { View } from '../views/view.ts';
import { NO_VARIABLES } from './arguments.ts';
import { compilePlan } from './compile.ts';
import { NotCompiled, type Plan } from './plan.ts';
import { Cell, FAILED, GIVE_UP, type Run } from './run.ts';
import { ShownPlans, shownReference } from './shown.ts';
import { fetchObjects } from './steps.ts';
import { Variants } from './variants.ts';
import { watched } from './watched.ts';

const NO_RECORD = Object.freeze(Object.create(null));

export interface CompiledEngine extends Engine {
  /** How many operations were handed to the reference engine because they do not compile. */
  readonly notCompiled: () => number;
}

export function compiledEngine(
  view: View,
  graph: ComposedGraph,
  connections: Connections,
  reference: Engine,
): CompiledEngine {
  const documents = new WeakMap<DocumentNode, Map<string | undefined, Variants>>();
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  const hideSuggestions = !view.client.settings.introspection;
  const shown = new ShownPlans({ view, graph, connections });
  let notCompiled = 0;

  const variantsOf = ({ document, operationName }: Operation): Variants => {
    const byName = documents.get(document) ?? new Map<string | undefined, Variants>();
    documents.set(document, byName);
    const variants =
      byName.get(operationName) ??
      new Variants(document, operationName, (conditions) =>
        compilePlan({ view, graph, connections }, document, operationName, conditions),
      );
    byName.set(operationName, variants);
    return variants;
  };

  const prepare = (operation: Operation, caller: Caller): Prepared => {
    const { trace } = operation;
    const variants = variantsOf(operation);
    trace?.enter('variables');
    let variables = NO_VARIABLES;
    if (variants.variableDefinitions.length > 0) {
      const outcome = getVariableValues(view.schema, variants.variableDefinitions, operation.variables, {
        maxErrors: 50,
        hideSuggestions,
      });
      if (outcome.errors !== undefined) return { refused: { errors: outcome.errors } };
      variables = outcome.variableValues;
    }
    trace?.enter('plan');
    const { compiled } = variants;
    const plan = variants.planFor(variables);
    trace?.leave(variants.compiled === compiled);
    if (plan instanceof NotCompiled) {
      notCompiled++;
      return plan;
    }
    if (trace !== undefined) trace.show = (own) => shown.show(operation, plan, own);
    return { plan, run: newRun(variables, newExecution(graph, connections, caller, trace)) };
  };

  return {
    notCompiled: () => notCompiled,
    async execute(operation, caller) {
      const prepared = prepare(operation, caller);
      if (prepared instanceof NotCompiled)
        return shownReference(reference, view, prepared.message).execute(operation, caller);
      return 'refused' in prepared ? prepared.refused : executePlan(prepared.plan, prepared.run);
    },
    async subscribe(operation, caller) {
      const prepared = prepare(operation, caller);
      if (prepared instanceof NotCompiled)
        return shownReference(reference, view, prepared.message).subscribe(operation, caller);
      if ('refused' in prepared) return prepared.refused;
      const { plan, run } = prepared;
      const { coordinate } = plan.stream!.field;
      return eventsOf(plan, run, (error) => toFieldError(error, coordinate, connectors));
    },
  };
}

type Prepared =
  | NotCompiled
  | { readonly refused: ExecutionResult }
  | { readonly plan: Plan; readonly run: Run };

function newRun(variables: VariableValues, execution: Execution): Run {
  return { execution, variables, errors: [], tracking: false };
}

async function executePlan(plan: Plan, run: Run): Promise<ExecutionResult> {
  const root = new Cell(NO_RECORD, plan.root);
  if (plan.operation === 'mutation') {
    // Root fields of a mutation run one after the other (GraphQL, 6.2.2).
    const { trace } = run.execution;
    const steps = trace === undefined ? plan.root.steps : watched(plan.root.steps, trace);
    for (const step of steps) await step.run([root], run);
  } else {
    await fetchObjects(plan.root.steps, [root], run);
  }
  return answer(plan, root, run);
}

/** Without paths first; if anything is wrong, once more with paths. */
function answer(plan: Plan, root: Cell, run: Run): ExecutionResult {
  const { trace } = run.execution;
  trace?.enter('projection');
  let data: unknown;
  try {
    data = plan.root.project(root, run, undefined);
  } catch (error) {
    if (error !== GIVE_UP) throw error;
    run.tracking = true;
    run.execution.fallbacks.length = 0;
    data = plan.root.project(root, run, undefined);
  }
  trace?.leave();
  const { fallbacks } = run.execution;
  const result = {
    ...(run.errors.length > 0 ? { errors: run.errors } : {}),
    data: data === FAILED ? null : (data as Record<string, unknown>),
    ...(fallbacks.length > 0 ? { extensions: { fallbacks } } : {}),
  };
  return trace === undefined ? result : withTrace(result, trace);
}

/** Every event is a run of its own: nothing loaded for one serves the next. */
async function* eventsOf(
  plan: Plan,
  opening: Run,
  locate: (error: unknown) => Error,
): AsyncGenerator<ExecutionResult, void> {
  const stream = plan.stream!;
  const { graph, connections, caller, trace: openingTrace } = opening.execution;
  try {
    for await (const event of stream.open(opening)) {
      const trace = openingTrace?.ofEvent();
      const run = newRun(opening.variables, newExecution(graph, connections, caller, trace));
      const root = new Cell(NO_RECORD, plan.root);
      const { connector } = stream.field.owner;
      const value =
        event instanceof StreamGap
          ? new UpstreamError('UPSTREAM_GAP', connector.name, { internal: event.reason })
          : event;
      await stream.place(value, root, run);
      yield answer(plan, root, run);
    }
  } catch (error) {
    throw locate(error);
  }
}

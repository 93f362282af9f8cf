/** The compiled engine: each operation once into a plan, then steps and a projection. What does not compile runs on the reference engine. */
import { type ExecutionResult, GraphQLError, type VariableValues } from 'graphql';
import type { CallContext } from '../call-context.ts';
import { StreamGap } from '../connectors/kind.ts';
import { UpstreamError } from '../errors.ts';
import type { Denials, Engine, InEventTime, Operation } from '../execute/engine.ts';
import { type Execution, newExecution } from '../execute/execution.ts';
import { toFieldError } from '../execute/field-errors.ts';
import { type OperationOfDocument, PerOperation } from '../execute/per-operation.ts';
import { withTrace } from '../execute/trace.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { View } from '../views/view.ts';
import { compilePlan } from './compile.ts';
import { errorsOf, nulled } from './failures.ts';
import { NOT_IN_PARTS } from './incremental.ts';
import type { KeptPlans } from './kept-plans.ts';
import { NotCompiled, type Plan, type Turn } from './plan.ts';
import { Cell, FAILED, type Run, TOO_MANY_VALUES } from './run.ts';
import { ShownPlans, showReference } from './shown.ts';
import { fetchObjects } from './steps.ts';
import { compileVariables } from './variables.ts';
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
  {
    reference,
    plans,
    maxValues,
  }: { readonly reference: Engine; readonly plans: KeptPlans; readonly maxValues?: number },
): CompiledEngine {
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  const hideSuggestions = !view.client.settings.introspection;
  const shown = new ShownPlans({ view, graph, connections });
  let notCompiled = 0;

  const variantsWithout = new WeakMap<Denials, Variants>();
  const newVariants = ({ document, operationName }: OperationOfDocument, denied?: Denials): Variants =>
    new Variants(document, operationName, {
      compile: (conditions) =>
        compilePlan({ view, graph, connections, denied }, document, operationName, conditions),
      schema: view.schema,
      all: plans,
      coercer: (definitions) => compileVariables(view.schema, definitions, { hideSuggestions }),
    });

  const variantsWithAll = new PerOperation((operation) => newVariants(operation));

  const variantsOf = (operation: Operation): Variants => {
    const { denied } = operation;
    if (denied === undefined) return variantsWithAll.get(operation);
    const known = variantsWithout.get(denied) ?? newVariants(operation, denied);
    variantsWithout.set(denied, known);
    return known;
  };

  const prepare = (operation: Operation, caller: CallContext): Prepared => {
    const { trace } = operation;
    const variants = variantsOf(operation);
    trace?.enter('variables');
    const outcome = variants.coerce(operation.variables);
    if ('errors' in outcome) return { refused: { errors: outcome.errors } };
    const { values: variables } = outcome;
    trace?.enter('plan');
    const { compiled } = variants;
    const plan = variants.planFor(variables);
    trace?.leave(variants.compiled === compiled);
    if (plan instanceof NotCompiled) {
      notCompiled++;
      return plan;
    }
    if (trace !== undefined) trace.show = (own) => shown.show(operation, plan, own);
    return { plan, run: newRun(variables, newExecution(graph, connections, caller, { trace, maxValues })) };
  };

  return {
    notCompiled: () => notCompiled,
    execute(operation, caller) {
      const prepared = prepare(operation, caller);
      if (prepared instanceof NotCompiled) {
        showReference(view, operation, prepared.message);
        return reference.execute(operation, caller);
      }
      return 'refused' in prepared
        ? Promise.resolve(prepared.refused)
        : executePlan(prepared.plan, prepared.run);
    },
    // For every operation alike, so none is counted as not compiled: plans give one answer (docs/query-plan.md).
    executeIncrementally(operation, caller) {
      showReference(view, operation, NOT_IN_PARTS);
      return reference.executeIncrementally(operation, caller);
    },
    async subscribe(operation, caller, inEventTime) {
      const prepared = prepare(operation, caller);
      if (prepared instanceof NotCompiled) {
        showReference(view, operation, prepared.message);
        return reference.subscribe(operation, caller, inEventTime);
      }
      if ('refused' in prepared) return prepared.refused;
      const { plan, run } = prepared;
      const { coordinate } = plan.stream!.field;
      const locate = (error: unknown) => toFieldError(error, coordinate, connectors, run.execution);
      return eventsOf(plan, run, { inEventTime, locate });
    },
  };
}

type Prepared =
  | NotCompiled
  | { readonly refused: ExecutionResult }
  | { readonly plan: Plan; readonly run: Run };

function newRun(variables: VariableValues, execution: Execution): Run {
  return {
    execution,
    variables,
    ahead: new Map(),
    loaders: new Map(),
    values: execution.values,
    failures: [],
    refusal: undefined,
    untold: undefined,
    tracking: false,
  };
}

function executePlan(plan: Plan, run: Run): Promise<ExecutionResult> {
  const root = new Cell(NO_RECORD, plan.root);
  if (plan.turns !== undefined) return runInTurn(plan.turns, root, run);
  const fetching = fetchObjects(plan.root.steps, [root], run);
  return fetching === undefined
    ? Promise.resolve(answer(project(plan.root, root, run), run))
    : fetching.then(() => answer(project(plan.root, root, run), run));
}

/** A root field that may not be null and is ends the operation: what comes after it must not be written. */
async function runInTurn(turns: readonly Turn[], root: Cell, run: Run): Promise<ExecutionResult> {
  const { trace } = run.execution;
  // All of them could begin now, were it not for their turns.
  const all =
    trace === undefined ? turns : turns.map((turn) => ({ ...turn, steps: watched(turn.steps, trace) }));
  const data = {};
  for (const turn of all) {
    // What was read before something is written is not what is read after it.
    run.loaders.clear();
    for (const step of turn.steps) await step.run([root], run);
    const part = project(turn, root, run);
    if (part === FAILED) return answer(FAILED, run);
    // Not assigned: a response key may be `__proto__`.
    Object.defineProperties(data, Object.getOwnPropertyDescriptors(part));
  }
  return answer(data, run);
}

/** @returns FAILED, or the fields of a turn */
function project(turn: Pick<Turn, 'project'>, root: Cell, run: Run): unknown {
  const { trace } = run.execution;
  trace?.enter('projection');
  try {
    return projectTwice(turn, root, run);
  } catch (error) {
    if (error !== TOO_MANY_VALUES) throw error;
    run.refusal = run.values.refusal();
    return FAILED;
  } finally {
    trace?.leave();
  }
}

/** Without paths first; if anything is wrong, once more with paths. */
function projectTwice(turn: Pick<Turn, 'project'>, root: Cell, run: Run): unknown {
  const { fallbacks } = run.execution;
  // Those that were used to make calls.
  const earlier = fallbacks.length;
  try {
    return turn.project(root, run, undefined);
  } catch (error) {
    // Whatever it is, it is told where it is.
    if (run.tracking || error === TOO_MANY_VALUES) throw error;
    run.tracking = true;
    fallbacks.length = earlier;
    run.values.reset();
    return turn.project(root, run, undefined);
  }
}

function answer(data: unknown, run: Run): ExecutionResult {
  const { trace, fallbacks } = run.execution;
  if (run.refusal !== undefined) {
    const { publicText, code } = run.refusal;
    const error = new GraphQLError(publicText, { extensions: { code } });
    return withTrace<ExecutionResult>({ errors: [error], data: null }, trace);
  }
  if (data === FAILED) nulled(run, 0, 0);
  const errors = errorsOf(run);
  const whole = data === FAILED ? null : (data as Record<string, unknown>);
  if (errors.length === 0 && fallbacks.length === 0)
    return withTrace<ExecutionResult>({ data: whole }, trace);
  const result = {
    ...(errors.length > 0 ? { errors } : {}),
    data: whole,
    ...(fallbacks.length > 0 ? { extensions: { fallbacks } } : {}),
  };
  return withTrace(result, trace);
}

/** Every event is a run of its own: nothing loaded for one serves the next. */
async function* eventsOf(
  plan: Plan,
  opening: Run,
  { inEventTime, locate }: { readonly inEventTime: InEventTime; locate(error: unknown): Error },
): AsyncGenerator<ExecutionResult, void> {
  const stream = plan.stream!;
  const { graph, connections, trace: openingTrace } = opening.execution;
  const { connector } = stream.field.owner;
  try {
    for await (const event of stream.open(opening)) {
      const value =
        event instanceof StreamGap
          ? new UpstreamError('UPSTREAM_GAP', connector.name, { internal: event.reason })
          : event;
      yield await inEventTime(async (caller) => {
        const trace = openingTrace?.ofEvent();
        const run = newRun(
          opening.variables,
          newExecution(graph, connections, caller, { trace, maxValues: opening.values.most }),
        );
        const root = new Cell(NO_RECORD, plan.root);
        await stream.place(value, root, run);
        return answer(project(plan.root, root, run), run);
      });
    }
  } catch (error) {
    throw locate(error);
  }
}

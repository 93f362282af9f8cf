/**
 * The reference engine: graphql-js over one plain resolver per field of the view. Slow, simple, right. It is the oracle that faster
 * engines are compared with, and what runs when they cannot.
 */
import {
  createSourceEventStream,
  type ExecutionResult,
  executeRootSelectionSet,
  executeSubscriptionEvent,
  experimentalExecuteIncrementally,
  isAbstractType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  mapSourceToResponseEvent,
  validateExecutionArgs,
  validateSubscriptionArgs,
} from 'graphql';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections, Connector } from '../load/model.ts';
import type { View } from '../views/view.ts';
import type { Engine, IncrementalResults, Operation } from './engine.ts';
import { type Execution, newExecution } from './execution.ts';
import { type Arguments, type Completed, FieldResolver } from './field-resolver.ts';
import { HeldBack } from './held-back.ts';
import { withoutIncremental } from './incremental-directives.ts';
import type { Resolved } from './resolve.ts';
import { leftOutError, MAX_TOLD, onePerNull } from './told-errors.ts';
import { withTrace } from './trace.ts';

/** Times what plans take for a value, in time and in memory. */
const VALUES_COST = 5;

const ROOTS = new Set(['Query', 'Mutation']);

/** Puts resolvers into the view's schema; one engine per view. */
export function referenceEngine(
  view: View,
  graph: ComposedGraph,
  connections: Connections,
  { maxValues: most = Number.POSITIVE_INFINITY }: { readonly maxValues?: number } = {},
): Engine {
  const maxValues = Math.ceil(most / VALUES_COST);
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  installResolvers(view, connectors);
  const argumentsOf = ({ document, operationName, variables }: Operation, execution: Execution) => ({
    schema: view.schema,
    document,
    operationName,
    variableValues: variables,
    contextValue: execution,
    hideSuggestions: !view.client.settings.introspection,
  });
  const inOne = (operation: Operation, execution: Execution) =>
    argumentsOf({ ...operation, document: withoutIncremental(operation.document) }, execution);
  return {
    async execute(operation, caller) {
      const execution = newExecution(graph, connections, caller, { ...operation, maxValues });
      const validated = validateExecutionArgs(inOne(operation, execution));
      if (!('schema' in validated)) return { errors: validated };
      return withTraces(await executeRootSelectionSet(validated), execution);
    },
    async executeIncrementally(operation, caller) {
      const heldBack = new HeldBack(caller);
      const execution = {
        ...newExecution(graph, connections, caller, { ...operation, maxValues }),
        heldBack,
      };
      const result = await experimentalExecuteIncrementally({
        ...argumentsOf(operation, execution),
        // When what comes later begins is decided here: graphql-js would wait for the first part, however long that hangs, and for each item
        // of a streamed list before the next.
        enableEarlyExecution: true,
      });
      if (!('initialResult' in result)) {
        heldBack.begin();
        return withTraces(result, execution);
      }
      const initialResult = withFallbacks(withLeftOut(once(result.initialResult), execution), execution);
      const told = execution.fallbacks.length;
      return {
        initialResult,
        subsequentResults: laterResults(result.subsequentResults, execution, {
          told,
          begin: () => heldBack.begin(),
        }),
      };
    },
    async subscribe(operation, caller, inEventTime) {
      const given = inOne(operation, newExecution(graph, connections, caller, { denied: operation.denied }));
      const opening = validateSubscriptionArgs(given);
      if (!('schema' in opening)) return { errors: opening };
      const events = await createSourceEventStream(opening);
      if (!(Symbol.asyncIterator in events)) return events;
      // Every event is an execution of its own: nothing loaded for one serves the next.
      return mapSourceToResponseEvent(opening, events, (event) =>
        inEventTime(async (current) => {
          const execution = newExecution(graph, connections, current, {
            denied: operation.denied,
            maxValues,
            trace: operation.trace?.ofEvent(),
          });
          return withTraces(await executeSubscriptionEvent({ ...event, contextValue: execution }), execution);
        }),
      );
    },
  };
}

function withTraces(result: ExecutionResult, execution: Execution): ExecutionResult {
  const told = withFallbacks(withLeftOut(once(result), execution), execution);
  // What was refused was not executed.
  return 'data' in result ? withTrace(told, execution.trace) : told;
}

function once<Result extends ExecutionResult>(result: Result): Result {
  const { data, errors } = result;
  return errors === undefined || data === undefined
    ? result
    : { ...result, errors: onePerNull(data, errors) };
}

/** What graphql-js itself refuses of values is not asked for before, so it is counted here. */
function withLeftOut<Result extends ExecutionResult>(result: Result, { failures }: Execution): Result {
  const { errors = [] } = result;
  const more = Math.max(0, errors.length - MAX_TOLD);
  const leftOut = leftOutError({ ...failures, leftOut: failures.leftOut + more });
  return leftOut === undefined ? result : { ...result, errors: [...errors.slice(0, MAX_TOLD), leftOut] };
}

function withFallbacks<Result extends ExecutionResult>(result: Result, { fallbacks }: Execution): Result {
  return fallbacks.length === 0
    ? result
    : { ...result, extensions: { ...result.extensions, fallbacks: [...fallbacks] } };
}

/** A list of fallbacks is always that of the whole operation so far: readers put extensions in the place of earlier ones. */
async function* laterResults(
  results: IncrementalResults['subsequentResults'],
  { fallbacks, trace }: Execution,
  { told, begin }: { readonly told: number; readonly begin: () => void },
): IncrementalResults['subsequentResults'] {
  let count = told;
  begin();
  for await (const result of results) {
    const isLast = trace !== undefined && !result.hasNext;
    const isNew = fallbacks.length > count || (isLast && count > 0);
    count = fallbacks.length;
    const later = isNew ? { ...result, extensions: { fallbacks: [...fallbacks] } } : result;
    yield isLast ? withTrace(later, trace) : later;
  }
}

function installResolvers(view: View, connectors: ReadonlyMap<string, Connector>): void {
  for (const type of Object.values(view.schema.getTypeMap())) {
    const viewType = view.types.get(type.name);
    if (viewType === undefined || isIntrospectionType(type)) continue;
    if (isAbstractType(type)) {
      type.resolveType = (value: Completed) => value.typeName;
    }
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const viewField = viewType.fields.get(field.name);
      if (viewField === undefined) continue;
      const resolver = new FieldResolver(
        view,
        viewType.graphName,
        viewField,
        `${type.name}.${field.name}`,
        connectors,
      );
      if (type.name === 'Subscription') {
        field.subscribe = (_source: unknown, args: Arguments, execution: Execution, info) =>
          resolver.events(args, execution, info);
        field.resolve = (event: Resolved, args: Arguments, execution: Execution, info) =>
          resolver.event(event, args, execution, info);
      } else if (ROOTS.has(type.name)) {
        field.resolve = (_source: unknown, args: Arguments, execution: Execution, info) =>
          resolver.root(type.name, args, execution, info);
      } else {
        field.resolve = (source: Completed, args: Arguments, execution: Execution, info) =>
          resolver.field(source.object, args, execution, info);
      }
    }
  }
}

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
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isIntrospectionType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  mapSourceToResponseEvent,
  validateExecutionArgs,
  validateSubscriptionArgs,
} from 'graphql';
import { HemError, UpstreamError } from '../errors.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections, Connector } from '../load/model.ts';
import { textOf } from '../mapping/text-of.ts';
import type { View, ViewField } from '../views/view.ts';
import type { Engine, IncrementalResults, Operation } from './engine.ts';
import { type Execution, newExecution } from './execution.ts';
import { toFieldError } from './field-errors.ts';
import { HeldBack } from './held-back.ts';
import { withoutIncremental } from './incremental-directives.ts';
import { ObjectValue } from './object-value.ts';
import { type Resolved, resolveField, resolveRoot, resolveStream } from './resolve.ts';
import { streamedAsAsked } from './streamed-list.ts';
import { leftOutError, MAX_TOLD, onePerNull, tells } from './told-errors.ts';
import { withTrace } from './trace.ts';
import { typesAlong, wantedAlong, wantedBelow } from './view-selection.ts';
import { NOTHING, type WantedByType } from './wanted.ts';

const ROOTS = new Set(['Query', 'Mutation']);

/** Puts resolvers into the view's schema; one engine per view. */
export function referenceEngine(view: View, graph: ComposedGraph, connections: Connections): Engine {
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
      const execution = newExecution(graph, connections, caller, operation);
      const validated = validateExecutionArgs(inOne(operation, execution));
      if (!('schema' in validated)) return { errors: validated };
      return withTraces(await executeRootSelectionSet(validated), execution);
    },
    async executeIncrementally(operation, caller) {
      const heldBack = new HeldBack(caller);
      const execution = { ...newExecution(graph, connections, caller, operation), heldBack };
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

/** Whose value is completed, and where. */
interface ValueAt {
  readonly connector: Connector;
  readonly execution: Execution;
}

type Arguments = Readonly<Record<string, unknown>>;

/** An object with its type's name in the view. */
class Completed {
  readonly object: ObjectValue;
  readonly typeName: string;
  constructor(object: ObjectValue, typeName: string) {
    this.object = object;
    this.typeName = typeName;
  }
}

class FieldResolver {
  readonly #view: View;
  readonly #graphType: string;
  readonly #field: ViewField;
  readonly #coordinate: string;
  readonly #connectors: ReadonlyMap<string, Connector>;

  constructor(
    view: View,
    graphType: string,
    field: ViewField,
    coordinate: string,
    connectors: ReadonlyMap<string, Connector>,
  ) {
    this.#view = view;
    this.#graphType = graphType;
    this.#field = field;
    this.#coordinate = coordinate;
    this.#connectors = connectors;
  }

  root(typeName: string, args: Arguments, execution: Execution, info: GraphQLResolveInfo): Promise<unknown> {
    return this.#located(execution, info, async () => {
      refuseDenied(execution, info);
      const { heldBack } = execution;
      if (heldBack?.isDeferred(info)) await heldBack.begins;
      // What was read before something is written is not what is read after it.
      if (typeName === 'Mutation') execution.loaders.clear();
      const { first, graphArgs, wanted } = this.#prepare(args, execution, info);
      const resolved = await resolveRoot(
        execution,
        typeName,
        first,
        this.#field.steps.length === 1 ? graphArgs : {},
        wanted.of(0),
      );
      return this.#finish(await this.#follow(execution, resolved, graphArgs, wanted), execution, info);
    });
  }

  field(
    object: ObjectValue,
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): Promise<unknown> {
    return this.#located(execution, info, async () => {
      refuseDenied(execution, info);
      const { heldBack } = execution;
      if (heldBack?.isDeferred(info)) await heldBack.begins;
      const { first, graphArgs, wanted } = this.#prepare(args, execution, info);
      const resolved = await resolveField(
        execution,
        object,
        first,
        this.#field.steps.length === 1 ? graphArgs : {},
        wanted.of(0),
      );
      return this.#finish(await this.#follow(execution, resolved, graphArgs, wanted), execution, info);
    });
  }

  async *events(
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): AsyncGenerator<Resolved, void> {
    const { first, graphArgs, wanted } = this.#prepare(args, execution, info);
    try {
      yield* resolveStream(execution, first, this.#field.steps.length === 1 ? graphArgs : {}, wanted.of(0));
    } catch (error) {
      throw toFieldError(error, this.#coordinate, this.#connectors, execution);
    }
  }

  event(
    resolved: Resolved,
    args: Arguments,
    execution: Execution,
    info: GraphQLResolveInfo,
  ): Promise<unknown> {
    return this.#located(execution, info, async () => {
      const { graphArgs, wanted } = this.#prepare(args, execution, info);
      return this.#finish(await this.#follow(execution, resolved, graphArgs, wanted), execution, info);
    });
  }

  #prepare(args: Arguments, execution: Execution, info: GraphQLResolveInfo) {
    const { steps, toGraphArguments } = this.#field;
    const graphArgs = toGraphArguments({ args, claims: execution.caller.claims });
    const below = execution.graph.selective ? wantedBelow(execution, this.#view, info) : NOTHING;
    const typeAt = typesAlong(execution, this.#graphType, steps);
    /** What is wanted of the value that a step gives. */
    const of = (step: number): WantedByType =>
      !execution.graph.selective || step === steps.length - 1
        ? below
        : wantedAlong((index) => typeAt(index + step + 1), steps.slice(step + 1), graphArgs, below);
    return { first: steps[0]!, graphArgs, wanted: { of } };
  }

  /** The steps of a flattened path after the first. */
  async #follow(
    execution: Execution,
    start: Resolved,
    graphArgs: Arguments,
    wanted: { of(step: number): WantedByType },
  ): Promise<Resolved> {
    const { steps } = this.#field;
    let resolved = start;
    for (let step = 1; step < steps.length; step++) {
      if (resolved.value instanceof Error) throw resolved.value;
      if (!(resolved.value instanceof ObjectValue)) return { value: null, connector: resolved.connector };
      resolved = await resolveField(
        execution,
        resolved.value,
        steps[step]!,
        step === steps.length - 1 ? graphArgs : {},
        wanted.of(step),
      );
    }
    return resolved;
  }

  #finish({ value, connector }: Resolved, execution: Execution, info: GraphQLResolveInfo): unknown {
    const completed = this.#complete(value, info.returnType, { connector, execution });
    if (completed instanceof Error) throw completed;
    const { heldBack } = execution;
    return heldBack === undefined ? completed : streamedAsAsked(completed, info, heldBack);
  }

  /** Checks a value against the view's type, so that what does not fit is the connector's error and not the gateway's. */
  #complete(value: unknown, type: GraphQLOutputType, at: ValueAt): unknown {
    const { execution } = at;
    if (value instanceof Error) return toFieldError(value, this.#coordinate, this.#connectors, execution);
    if (isNonNullType(type)) {
      const inner = this.#complete(value, type.ofType, at);
      return inner ?? this.#invalid(at, `null for ${type}`);
    }
    if (value === null || value === undefined) return null;
    if (isListType(type)) {
      if (!Array.isArray(value)) return this.#invalid(at, `no list for ${type}`);
      return value.map((item) => this.#complete(item, type.ofType, at));
    }
    const name = getNamedType(type).name;
    if (isLeafType(type)) {
      if (isEnumType(type)) return this.#enumValue(name, value, at);
      try {
        return type.coerceOutputValue(value);
      } catch (cause) {
        return this.#invalid(at, `no ${name}: ${String((cause as Error).message)}`);
      }
    }
    if (!(value instanceof ObjectValue)) return this.#invalid(at, `no object for ${type}`);
    const typeName = isObjectType(type)
      ? type.name
      : this.#view.types.get(name)?.possible.get(value.typeName);
    if (typeName === undefined) return this.#hidden(at);
    return new Completed(value, typeName);
  }

  #enumValue(name: string, value: unknown, at: ValueAt): unknown {
    const { connector } = at;
    const toView = this.#view.types.get(name)?.enumToView;
    const graphName = this.#view.types.get(name)?.graphName ?? name;
    const known = connector.types.get(graphName)?.type;
    if (isEnumType(known) && known.getValue(textOf(value)) === undefined)
      return this.#invalid(at, `"${textOf(value)}" is no ${graphName}`);
    if (toView === undefined) return value;
    return toView.get(textOf(value)) ?? this.#hidden(at);
  }

  #invalid({ connector, execution }: ValueAt, internal: string): Error {
    return toFieldError(
      new UpstreamError('UPSTREAM_INVALID', connector.name, { internal }),
      this.#coordinate,
      this.#connectors,
      execution,
    );
  }

  #hidden({ connector, execution }: ValueAt): Error {
    return toFieldError(
      new HemError('HIDDEN_VALUE', { internal: connector.name }),
      this.#coordinate,
      this.#connectors,
      execution,
    );
  }

  async #located(
    execution: Execution,
    { returnType }: GraphQLResolveInfo,
    resolve: () => Promise<unknown>,
  ): Promise<unknown> {
    try {
      return await resolve();
    } catch (error) {
      if (!isNonNullType(returnType) && !tells(execution.failures)) return null;
      throw error instanceof Error && 'extensions' in error
        ? error
        : toFieldError(error, this.#coordinate, this.#connectors, execution);
    }
  }
}

/** @throws {HemError} */
function refuseDenied({ denied }: Execution, { parentType, fieldNodes }: GraphQLResolveInfo): void {
  const denial = denied?.denialOf(parentType.name, fieldNodes[0]!);
  if (denial !== undefined) throw denial;
}

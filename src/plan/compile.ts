/**
 * Compiles an operation of a view into a plan. Walks the selection once, asks the graph for each field how it is had, and turns the
 * answers into steps (calls, lookups) and sources of the projection. Whatever it cannot compile it says so: {@link NotCompiled}.
 */
import {
  type DocumentNode,
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getOperationAST,
  isAbstractType,
  isCompositeType,
  isObjectType,
} from 'graphql';
import type { CallDescription } from '../connectors/kind.ts';
import { toCallArguments } from '../execute/call-arguments.ts';
import type { Denials } from '../execute/engine.ts';
import { Identities } from '../execute/identities.ts';
import { selectForCall, selectForLookup } from '../execute/record-selection.ts';
import { rootSource } from '../execute/resolve.ts';
import { NOTHING, type WantedByType } from '../execute/wanted.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Origin } from '../graph/graph.ts';
import type { Connections, Connector, ConnectorField } from '../load/model.ts';
import type { View } from '../views/view.ts';
import type { BackendCall } from './asking.ts';
import {
  type CollectedField,
  type Conditions,
  collectFields,
  type Fragments,
  fragmentsOf,
  identitiesOf,
  objectTypesOf,
  type SelectionSource,
  sourcesOf,
} from './collect.ts';
import { toStreamStep } from './event-stream.ts';
import { FieldArguments, type GraphArguments } from './field-arguments.ts';
import { FieldProjection, projectTypeName } from './field-projection.ts';
import { ObjectBuilder, type ValueSource } from './object-builder.ts';
import type { FoundBy } from './object-steps.ts';
import { NotCompiled, type ObjectsPlan, type Plan } from './plan.ts';
import { compileProjection, type ProjectedField } from './project.ts';
import type { Run } from './run.ts';
import { SharedLoads } from './shared-loads.ts';
import type { AskedAhead } from './step-lookups.ts';
import { WantedFields } from './wanted-fields.ts';

const ROOT = { origin: undefined, wanted: NOTHING, found: undefined };

export interface CompileInput {
  readonly view: View;
  readonly graph: ComposedGraph;
  readonly connections: Connections;
  /** What is planned without. */
  readonly denied?: Denials | undefined;
}

/** Of all types together. What grows beyond it, by types that stand in for each other level after level, is not worth its memory. */
const MAX_FIELDS = 10_000;

/**
 * @param conditions undefined for a plan that shows all that may happen; it must not run
 * @throws {NotCompiled}
 */
export function compilePlan(
  input: CompileInput,
  document: DocumentNode,
  operationName: string | undefined,
  conditions?: Conditions,
): Plan {
  return new PlanCompiler(input, document, conditions).compile(operationName);
}

export class PlanCompiler {
  readonly graph: ComposedGraph;
  readonly view: View;
  readonly #connections: Connections;
  readonly #denied: Denials | undefined;
  readonly #document: DocumentNode;
  readonly #fragments: Fragments;
  readonly #projection: FieldProjection;
  readonly sharedLoads = new SharedLoads();
  readonly #arguments: FieldArguments;
  readonly #wanted: WantedFields;
  readonly #identities = new Identities();
  /** By what is selected, of what: a field of an interface is selected once, and stands in each of its types. */
  readonly #objectsPlans = new Map<string, SharedObjects>();
  #fieldCount = 0;

  constructor(
    { view, graph, connections, denied }: CompileInput,
    document: DocumentNode,
    conditions: Conditions,
  ) {
    this.view = view;
    this.graph = graph;
    this.#connections = connections;
    this.#denied = denied;
    this.#document = document;
    this.#fragments = fragmentsOf(view.schema, document, conditions);
    this.#arguments = new FieldArguments(view, graph);
    this.#wanted = new WantedFields({
      view,
      graph,
      denied,
      fragments: this.#fragments,
      fieldArguments: this.#arguments,
    });
    this.#projection = new FieldProjection(view, graph);
  }

  compile(operationName: string | undefined): Plan {
    const operation = getOperationAST(this.#document, operationName);
    if (operation === null || operation === undefined) throw new NotCompiled('no such operation');
    const type = this.view.schema.getRootType(operation.operation);
    if (type === undefined || type === null) throw new NotCompiled(`no ${operation.operation} type`);
    const sources = [{ selectionSet: operation.selectionSet, conditional: false }];
    const kind = operation.operation;
    const compiled =
      kind === 'subscription'
        ? this.#subscription(type, sources)
        : kind === 'mutation'
          ? this.#mutation(type, sources)
          : this.#query(type, sources);
    return { operation: kind, ...compiled, fields: this.#fieldCount };
  }

  #query(type: GraphQLObjectType, sources: readonly SelectionSource[]): CompiledRoot {
    const builder = new ObjectBuilder(this, this.#arguments.graphName(type), ROOT);
    const root = builder.finish(this.#fields(builder, type, sources), false);
    return { root, turns: undefined, stream: undefined };
  }

  #mutation(type: GraphQLObjectType, sources: readonly SelectionSource[]): CompiledRoot {
    const builder = new ObjectBuilder(this, this.#arguments.graphName(type), ROOT);
    const { steps } = builder.steps.list;
    const fields = this.#collect(type, sources).map((collected) => {
      const first = steps.length;
      return { field: this.#field(builder, type, collected), first, end: steps.length };
    });
    const root = builder.finish([], false);
    const turns = fields.map(({ field, first, end }) => ({
      steps: steps.slice(first, end),
      project: compileProjection([field()], false),
    }));
    return { root, turns, stream: undefined };
  }

  #subscription(type: GraphQLObjectType, sources: readonly SelectionSource[]): CompiledRoot {
    const builder = new ObjectBuilder(this, 'Subscription', ROOT);
    const [collected] = collectFields(this.#fragments, type, sources);
    const name = collected?.nodes[0]?.name.value ?? '';
    const viewField = this.view.types.get(type.name)?.fields.get(name);
    if (collected === undefined || viewField === undefined)
      throw new NotCompiled('a subscription without a field of a backend');
    const field = rootSource({ graph: this.graph }, 'Subscription', viewField.steps[0]!);
    const graphArgs = this.#arguments.graphArguments(type, viewField, collected);
    const streamArgs: GraphArguments = viewField.steps.length === 1 ? graphArgs : () => ({});
    const slot = builder.steps.newSlot();
    builder.eventSource = { field, slot };
    const wanted = this.#wanted.ofValue(type, viewField, collected, graphArgs);
    const selection = selectForCall(this.graph, field, wanted.of(0));
    const root = builder.finish(this.#fields(builder, type, sources), false);
    const below = builder.eventObjects;
    const label = collected.responseKey;
    const stream = toStreamStep({ field, label, selection, args: streamArgs, slot, root, below });
    return { root, turns: undefined, stream };
  }

  /** The fields of one concrete type at one place, as sources of its projection. */
  #fields(
    builder: ObjectBuilder,
    type: GraphQLObjectType,
    sources: readonly SelectionSource[],
  ): readonly (() => ProjectedField)[] {
    return this.#collect(type, sources).map((collected) => this.#field(builder, type, collected));
  }

  #collect(type: GraphQLObjectType, sources: readonly SelectionSource[]): readonly CollectedField[] {
    const fields = collectFields(this.#fragments, type, sources);
    this.#fieldCount += fields.length;
    if (this.#fieldCount > MAX_FIELDS)
      throw new NotCompiled(`more than ${MAX_FIELDS} fields, counted for each type that may be there`);
    return fields;
  }

  /** Adds what has to be fetched for a field. @returns what projects it, only once the object's steps are all there */
  #field(builder: ObjectBuilder, type: GraphQLObjectType, collected: CollectedField): () => ProjectedField {
    const name = collected.nodes[0]!.name.value;
    if (name === '__typename') return () => projectTypeName(type, collected);
    const viewField = this.view.types.get(type.name)?.fields.get(name);
    const field = type.getFields()[name];
    if (viewField === undefined || field === undefined) throw new NotCompiled(`introspection (${name})`);
    const denial = this.#denied?.denialOf(type.name, collected.nodes[0]!);
    const place = { collected, parent: type, type: field.type };
    if (denial !== undefined) return () => this.#projection.refusal(denial, place);
    const graphArgs = this.#arguments.graphArguments(type, viewField, collected);
    const wanted = this.#wanted.ofValue(type, viewField, collected, graphArgs);
    const key = this.#arguments.recordKey(type, viewField, collected);
    const compileBelow = (origin: Origin, declared: GraphQLOutputType, found: FoundBy) =>
      this.#objects(field.type, declared, { origin, found, sources: sourcesOf(collected) });
    const value = this.#follow(
      builder,
      viewField.steps,
      { graphArgs, wanted, key, compileBelow, index: 0, label: collected.responseKey },
      collected.conditional,
    );
    return () => this.#projection.value(value, place);
  }

  #follow(
    builder: ObjectBuilder,
    steps: readonly string[],
    spec: FollowSpec,
    conditional: boolean,
  ): ValueSource {
    const step = steps[spec.index]!;
    const last = spec.index === steps.length - 1;
    const asked = {
      name: step,
      label: spec.label,
      args: last ? spec.graphArgs : () => ({}),
      key: last ? spec.key : step,
      wanted: spec.wanted.of(spec.index),
      conditional,
    };
    if (last) return builder.value(asked, spec.compileBelow);
    return builder.through(asked, (inner) =>
      this.#follow(inner, steps, { ...spec, index: spec.index + 1 }, false),
    );
  }

  /** Plans for the object types that may stand where a field's value is. */
  #objects(viewType: GraphQLOutputType, declared: GraphQLOutputType, at: ObjectsAt): ObjectsPlan | undefined {
    const named = getNamedType(viewType);
    if (!isCompositeType(named)) return undefined;
    const graphType = getNamedType(declared);
    const { origin, found, sources } = at;
    const { connector } = found.field.owner;
    // What can be asked ahead is the call's affair.
    const call = found.keys === undefined ? undefined : found.field;
    const key = this.#identities.keyOf([named, origin, graphType, connector, call, ...identitiesOf(sources)]);
    const known = this.#objectsPlans.get(key);
    if (known !== undefined) {
      for (const load of known.loads) this.sharedLoads.note(load);
      found.ahead.push(...known.ahead);
      return known.plan;
    }
    const before = this.sharedLoads.count;
    const plan = this.#compileObjects(named, graphType, at);
    this.#objectsPlans.set(key, { plan, loads: this.sharedLoads.since(before), ahead: found.ahead });
    return plan;
  }

  #compileObjects(
    named: GraphQLCompositeType,
    graphType: GraphQLNamedType,
    { origin, found, sources }: ObjectsAt,
  ): ObjectsPlan {
    const { connector } = found.field.owner;
    const concreteTypes = objectTypesOf(this.view.schema, named);
    const wanted = this.graph.selective ? this.#wanted.below(named, sources) : NOTHING;
    const built = concreteTypes.flatMap((type) => {
      const graphName = this.#arguments.graphName(type);
      if (!this.#mayBe(connector, graphType, graphName)) return [];
      const builder = new ObjectBuilder(this, graphName, { origin, wanted, found });
      return [{ graphName, builder, fields: this.#fields(builder, type, sources) }];
    });
    // Pure objects are projected from bare records: where one of several types is not pure, none may be.
    const pure = built.every(({ builder }) => builder.steps.list.steps.length === 0);
    const byType = new Map(
      built.map(({ graphName, builder, fields }) => [graphName, builder.finish(fields, pure)]),
    );
    const single = isObjectType(graphType) ? byType.get(graphType.name) : undefined;
    if (isObjectType(graphType) && single === undefined)
      throw new NotCompiled(`${graphType.name} is hidden here`);
    return { graphType: graphType.name, connector, pure, byType, single };
  }

  #mayBe(connector: Connector, declared: GraphQLNamedType, graphName: string): boolean {
    if (!isAbstractType(declared)) return declared.name === graphName;
    const abstract = connector.schema.getType(declared.name);
    return (
      isAbstractType(abstract) &&
      connector.schema.getPossibleTypes(abstract).some(({ name }) => name === graphName)
    );
  }

  /** A call compiled once for the plan. */
  backendCall(field: ConnectorField, wanted: WantedByType): CompiledBackendCall {
    return this.#compileCall(field, selectForCall(this.graph, field, wanted));
  }

  lookupCall(
    lookup: Parameters<typeof selectForLookup>[1],
    origin: Origin,
    wanted: WantedByType,
  ): CompiledBackendCall {
    return this.#compileCall(lookup.field, selectForLookup(this.graph, lookup, origin, wanted));
  }

  #compileCall(
    field: ConnectorField,
    { selection, slots, id }: ReturnType<typeof selectForCall>,
  ): CompiledBackendCall {
    const { source } = field;
    if (source.via !== 'call') throw new NotCompiled(`${field.coordinate} has no binding`);
    return {
      field,
      call: source.compile(this.#connections, selection),
      toArguments: toCallArguments(field),
      select: source.select,
      slots: slots as ReadonlyArray<(run: Run) => unknown>,
      selectionId: id,
      describe: () => source.describe(selection),
    };
  }
}

type CompiledRoot = Pick<Plan, 'root' | 'turns' | 'stream'>;

type CompiledBackendCall = BackendCall & {
  readonly describe: () => CallDescription;
};

interface FollowSpec {
  readonly graphArgs: GraphArguments;
  readonly wanted: { of(step: number): WantedByType };
  readonly key: string;
  readonly compileBelow: (
    origin: Origin,
    declared: GraphQLOutputType,
    found: FoundBy,
  ) => ObjectsPlan | undefined;
  readonly index: number;
  /** Response key. */
  readonly label: string;
}

/** Where objects come from, and what is selected of them. */
interface ObjectsAt {
  readonly origin: Origin;
  readonly found: FoundBy;
  readonly sources: readonly SelectionSource[];
}

interface SharedObjects {
  readonly plan: ObjectsPlan;
  readonly ahead: readonly AskedAhead[];
  /** Of the steps in it. */
  readonly loads: ReadonlySet<string>;
}

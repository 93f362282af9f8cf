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
  getNullableType,
  getOperationAST,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  print,
} from 'graphql';
import type { CallDescription } from '../connectors/kind.ts';
import type { HemError } from '../errors.ts';
import { toCallArguments } from '../execute/call-arguments.ts';
import { openStream } from '../execute/calls.ts';
import type { Denials } from '../execute/engine.ts';
import { Identities } from '../execute/identities.ts';
import { selectForCall, selectForLookup } from '../execute/record-selection.ts';
import { rootSource } from '../execute/resolve.ts';
import { addWanted, NOTHING, type Wanted, type WantedByType } from '../execute/wanted.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Origin } from '../graph/graph.ts';
import type { Connections, Connector, ConnectorField } from '../load/model.ts';
import type { View, ViewField } from '../views/view.ts';
import { compileArguments } from './arguments.ts';
import {
  type CollectedField,
  type Conditions,
  collectFields,
  type Fragments,
  fragmentsOf,
  objectTypesOf,
  type SelectionSource,
} from './collect.ts';
import { compileComplete, report } from './complete.ts';
import { type FoundBy, listLevels, ObjectBuilder, type ValueSource } from './object-builder.ts';
import { NotCompiled, type ObjectPlan, type ObjectsPlan, type Plan } from './plan.ts';
import type { ProjectedField } from './project.ts';
import type { Run } from './run.ts';
import { type AskedAhead, type BackendCall, fetchAll, fetchObjects, toCells } from './steps.ts';
import { NO_VARIABLES } from './variables.ts';

type Arguments = Readonly<Record<string, unknown>>;

const ROOT = { origin: undefined, wanted: NOTHING, found: undefined };

/** Arguments of a graph field as a function of the run. */
export type GraphArguments = (run: Run) => Arguments;

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
  readonly #connectors: ReadonlyMap<string, Connector>;
  /** Keys of record fields with arguments: equal for equal arguments. */
  readonly #recordKeys = new Map<string, string>();
  readonly #loadUses = new Map<string, number>();
  /** Of steps in the order in which they were compiled. */
  readonly #loads: string[] = [];
  readonly #identities = new Identities();
  /** By what is selected, of what: a field of an interface is selected once, and stands in each of its types. */
  readonly #objectsPlans = new Map<string, SharedObjects>();
  readonly #wantedBySelection = new Map<string, WantedByType>();
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
    this.#connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
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
        : { root: this.#root(type, sources), stream: undefined };
    return { operation: kind, ...compiled, fields: this.#fieldCount };
  }

  #root(type: GraphQLObjectType, sources: readonly SelectionSource[]): ObjectPlan {
    const builder = new ObjectBuilder(this, this.#graphName(type), ROOT);
    return builder.finish(this.#fields(builder, type, sources), false);
  }

  #subscription(type: GraphQLObjectType, sources: readonly SelectionSource[]): Pick<Plan, 'root' | 'stream'> {
    const builder = new ObjectBuilder(this, 'Subscription', ROOT);
    const [collected] = collectFields(this.#fragments, type, sources);
    const name = collected?.nodes[0]?.name.value ?? '';
    const viewField = this.view.types.get(type.name)?.fields.get(name);
    if (collected === undefined || viewField === undefined)
      throw new NotCompiled('a subscription without a field of a backend');
    const field = rootSource({ graph: this.graph }, 'Subscription', viewField.steps[0]!);
    const graphArgs = this.#graphArguments(type, viewField, collected);
    const streamArgs: GraphArguments = viewField.steps.length === 1 ? graphArgs : () => ({});
    const slot = builder.newSlot();
    builder.eventSource = { field, slot };
    const wanted = this.#wantedOfValue(type, viewField, collected, graphArgs);
    const selection = selectForCall(this.graph, field, wanted.of(0));
    const root = builder.finish(this.#fields(builder, type, sources), false);
    const below = builder.eventObjects;
    const { source } = field;
    return {
      root,
      stream: {
        field,
        what: {
          kind: 'stream',
          connector: field.owner.connector.name,
          field: field.coordinate,
          describe: source.via === 'call' ? () => source.describe(selection.selection) : undefined,
          sharedAs: undefined,
          batchSize: undefined,
          label: collected.responseKey,
          ahead: false,
          wantedBy: new Set([collected.responseKey]),
          lists: listLevels(field.type),
          why: 'gives the events; what stands below it happens for each',
          conditional: false,
          below,
        },
        open: (run) => {
          const slots = (selection.slots as ReadonlyArray<(run: Run) => unknown>).map((value) => value(run));
          const { claims } = run.execution.caller;
          const args = toCallArguments(field)(streamArgs(run), claims);
          const values = { args, parent: {}, claims };
          return openStream(run.execution, field, { ...selection, slots }, values);
        },
        async place(event, cell, run) {
          const found: Parameters<typeof toCells>[3] = [];
          cell.slots[slot] = below === undefined ? (event ?? null) : toCells(event, field.type, below, found);
          await fetchAll(found, run);
          await fetchObjects(root.steps, [cell], run);
        },
      },
    };
  }

  /** The fields of one concrete type at one place, as sources of its projection. */
  #fields(
    builder: ObjectBuilder,
    type: GraphQLObjectType,
    sources: readonly SelectionSource[],
  ): readonly (() => ProjectedField)[] {
    const fields = collectFields(this.#fragments, type, sources);
    this.#fieldCount += fields.length;
    if (this.#fieldCount > MAX_FIELDS)
      throw new NotCompiled(`more than ${MAX_FIELDS} fields, counted for each type that may be there`);
    return fields.map((collected) => {
      const name = collected.nodes[0]!.name.value;
      if (name === '__typename') {
        return () => ({
          responseKey: collected.responseKey,
          constant: type.name,
          source: { get: () => type.name, key: undefined },
          complete: (value) => value,
          accepts: undefined,
        });
      }
      const viewField = this.view.types.get(type.name)?.fields.get(name);
      const field = type.getFields()[name];
      if (viewField === undefined || field === undefined) throw new NotCompiled(`introspection (${name})`);
      const denial = this.#denied?.denialOf(type.name, collected.nodes[0]!);
      if (denial !== undefined) return () => this.#refuse(denial, collected, type, field.type);
      const graphArgs = this.#graphArguments(type, viewField, collected);
      const wanted = this.#wantedOfValue(type, viewField, collected, graphArgs);
      const key = this.#recordKey(type, viewField, collected);
      const compileBelow = (origin: Origin, declared: GraphQLOutputType, found: FoundBy) =>
        this.#objects(field.type, declared, { origin, found, sources: sourcesOf(collected) });
      const value = this.#follow(
        builder,
        viewField.steps,
        { graphArgs, wanted, key, compileBelow, index: 0, label: collected.responseKey },
        collected.conditional,
      );
      return () => this.#project(value, collected, type, field.type);
    });
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

  #project(
    value: ValueSource,
    collected: CollectedField,
    parent: GraphQLObjectType,
    type: GraphQLOutputType,
  ): ProjectedField {
    const { nodes } = collected;
    const complete = compileComplete(type, {
      view: this.view,
      coordinate: `${parent.name}.${nodes[0]!.name.value}`,
      nodes,
      connectors: this.#connectors,
      connector: value.connector,
      below: value.below,
    });
    return {
      responseKey: collected.responseKey,
      constant: undefined,
      source: value.source(),
      complete,
      accepts: acceptsOf(type),
    };
  }

  /** An error without a value: nothing is fetched for it. */
  #refuse(
    denial: HemError,
    { responseKey, nodes }: CollectedField,
    parent: GraphQLObjectType,
    type: GraphQLOutputType,
  ): ProjectedField {
    const coordinate = `${parent.name}.${nodes[0]!.name.value}`;
    const facts = { coordinate, nodes, connectors: this.#connectors };
    return {
      responseKey,
      constant: undefined,
      source: { get: () => denial, key: undefined },
      complete: (_value, run, path) => {
        const failed = report(run, facts, denial, path);
        return isNonNullType(type) ? failed : null;
      },
      accepts: undefined,
    };
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
      for (const load of known.loads) this.#noteLoad(load);
      found.ahead.push(...known.ahead);
      return known.plan;
    }
    const before = this.#loads.length;
    const plan = this.#compileObjects(named, graphType, at);
    this.#objectsPlans.set(key, { plan, loads: new Set(this.#loads.slice(before)), ahead: found.ahead });
    return plan;
  }

  #compileObjects(
    named: GraphQLCompositeType,
    graphType: GraphQLNamedType,
    { origin, found, sources }: ObjectsAt,
  ): ObjectsPlan {
    const { connector } = found.field.owner;
    const concreteTypes = objectTypesOf(this.view.schema, named);
    const wanted = this.graph.selective ? this.#wantedBelow(named, sources) : NOTHING;
    const built = concreteTypes.flatMap((type) => {
      const graphName = this.#graphName(type);
      if (!this.#mayBe(connector, graphType, graphName)) return [];
      const builder = new ObjectBuilder(this, graphName, { origin, wanted, found });
      return [{ graphName, builder, fields: this.#fields(builder, type, sources) }];
    });
    // Pure objects are projected from bare records: where one of several types is not pure, none may be.
    const pure = built.every(({ builder }) => builder.steps.length === 0);
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

  #graphArguments(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): GraphArguments {
    const { of, constant } = this.#viewArguments(type, collected);
    const convert = viewField.toGraphArguments;
    if (constant && !viewField.usesClaims) {
      let values: Arguments | undefined;
      return (run) => {
        values ??= convert({ args: of(run.variables), claims: {} });
        return values;
      };
    }
    return (run) => convert({ args: of(run.variables), claims: run.execution.caller.claims });
  }

  #viewArguments(type: GraphQLObjectType, collected: CollectedField) {
    const node = collected.nodes[0]!;
    return compileArguments(type.getFields()[node.name.value]!, node);
  }

  /** Under which key a record carries the field at the end of a path: equal arguments share one. */
  #recordKey(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): string {
    const { steps } = viewField;
    const name = steps.at(-1)!;
    const owner = this.#typesAlong(this.#graphName(type), steps).at(-1)!;
    const given = collected.nodes[0]!.arguments ?? [];
    if (this.#argumentNames(owner, name).length === 0) return name;
    if (given.length === 0 && this.#hasNoArguments(type, viewField, collected)) return name;
    // A view's field of the same name may lock other arguments on another type.
    const id = `${type.name}.${viewField.name}(${given.map(print).sort().join(' ')})`;
    const key = this.#recordKeys.get(id) ?? `${name}_${this.#recordKeys.size}`;
    this.#recordKeys.set(id, key);
    return key;
  }

  /** Of a field that the operation gives none: neither defaults nor the view add any. */
  #hasNoArguments(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): boolean {
    if (viewField.usesClaims) return false;
    const { of } = this.#viewArguments(type, collected);
    const values = viewField.toGraphArguments({ args: of(NO_VARIABLES), claims: {} });
    return Object.values(values).every((value) => value === undefined);
  }

  /** The arguments of a graph's field that are its callers' to give. */
  #argumentNames(owner: string, name: string): readonly string[] {
    const sources = this.graph.types.get(owner)?.fields.get(name)?.sources ?? [];
    const open = sources.flatMap(({ args }) =>
      args.filter(({ claim, require }) => claim === undefined && require === undefined),
    );
    return [...new Set(open.map((argument) => argument.name))];
  }

  #graphName(type: GraphQLObjectType): string {
    return this.view.types.get(type.name)?.graphName ?? type.name;
  }

  /** What is wanted of the value that each step of a field gives, for connectors that ask only for what is selected. */
  #wantedOfValue(
    type: GraphQLObjectType,
    viewField: ViewField,
    collected: CollectedField,
    graphArgs: GraphArguments,
  ): { of(step: number): WantedByType } {
    if (!this.graph.selective) return { of: () => NOTHING };
    const field = type.getFields()[collected.nodes[0]!.name.value]!;
    const below = this.#wantedBelow(field.type, sourcesOf(collected));
    const { steps } = viewField;
    const typeNames = this.#typesAlong(this.#graphName(type), steps);
    const path = { viewField, graphArgs, key: this.#recordKey(type, viewField, collected) };
    const of = (step: number): WantedByType => {
      if (step >= steps.length - 1) return below;
      const wanted: Wanted = new Map();
      this.#addStep(wanted, path, { step: step + 1, owner: typeNames[step + 1]!, below: of(step + 1) });
      return new Map([[typeNames[step + 1]!, wanted]]);
    };
    return { of };
  }

  #wantedBelow(type: GraphQLOutputType, sources: readonly SelectionSource[]): WantedByType {
    const named = getNamedType(type);
    const key = this.#identities.keyOf([named, ...identitiesOf(sources)]);
    const known = this.#wantedBySelection.get(key);
    if (known !== undefined) return known;
    const wanted = new Map(
      objectTypesOf(this.view.schema, named).map((object) => [
        this.#graphName(object),
        this.#wantedOfObject(object, sources),
      ]),
    );
    this.#wantedBySelection.set(key, wanted);
    return wanted;
  }

  #wantedOfObject(type: GraphQLObjectType, sources: readonly SelectionSource[]): Wanted {
    const wanted: Wanted = new Map();
    const graphName = this.#graphName(type);
    for (const collected of collectFields(this.#fragments, type, sources)) {
      const viewField = this.view.types.get(type.name)?.fields.get(collected.nodes[0]!.name.value);
      if (viewField === undefined) continue;
      if (this.#denied?.denialOf(type.name, collected.nodes[0]!) !== undefined) continue;
      const graphArgs = this.#graphArguments(type, viewField, collected);
      const { of } = this.#wantedOfValue(type, viewField, collected, graphArgs);
      const key = this.#recordKey(type, viewField, collected);
      this.#addStep(wanted, { viewField, graphArgs, key }, { step: 0, owner: graphName, below: of(0) });
    }
    return wanted;
  }

  /** Wants one step of a view's path; the arguments are the last one's. */
  #addStep(
    wanted: Wanted,
    { viewField, graphArgs, key }: WantedPath,
    { step, owner, below }: { readonly step: number; readonly owner: string; readonly below: WantedByType },
  ): void {
    const name = viewField.steps[step]!;
    if (step < viewField.steps.length - 1 || key === name) {
      addWanted(wanted, { key: name, name, args: {}, below });
      return;
    }
    const args = Object.fromEntries(
      this.#argumentNames(owner, name).map((argument) => [argument, (run: Run) => graphArgs(run)[argument]]),
    );
    addWanted(wanted, { key, name, args, below });
  }

  #typesAlong(graphType: string, steps: readonly string[]): readonly string[] {
    const names = [graphType];
    for (const step of steps.slice(0, -1)) {
      const source = this.graph.types.get(names.at(-1)!)?.fields.get(step)?.sources[0];
      names.push(source === undefined ? '' : getNamedType(source.type).name);
    }
    return names;
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

  /** Steps that ask the same field for the same selection share what they load; which do is known only once all is compiled. */
  shareLoads(
    kind: 'call' | 'lookup',
    { owner, coordinate }: ConnectorField,
    selectionId: string,
  ): () => string | undefined {
    const id = `${kind} ${owner.connector.name} ${coordinate} ${selectionId}`;
    const uses = this.#loadUses;
    this.#noteLoad(id);
    return () => (uses.get(id)! > 1 ? id : undefined);
  }

  #noteLoad(id: string): void {
    this.#loads.push(id);
    this.#loadUses.set(id, (this.#loadUses.get(id) ?? 0) + 1);
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

/** A view's field as it is wanted. */
interface WantedPath {
  readonly viewField: ViewField;
  readonly graphArgs: GraphArguments;
  /** Of its last step. */
  readonly key: string;
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

function identitiesOf(sources: readonly SelectionSource[]): readonly unknown[] {
  return sources.flatMap(({ selectionSet, conditional }) => [selectionSet, conditional]);
}

function sourcesOf({ nodes, conditional }: CollectedField): readonly SelectionSource[] {
  return nodes.flatMap(({ selectionSet }) =>
    selectionSet === undefined ? [] : [{ selectionSet, conditional }],
  );
}

const ACCEPTED: Readonly<Record<string, ProjectedField['accepts']>> = {
  String: 'string',
  ID: 'string',
  Boolean: 'boolean',
  Int: 'int',
  Float: 'float',
};

/** Which values are complete as they are. */
function acceptsOf(type: GraphQLOutputType): ProjectedField['accepts'] {
  const nullable = isNonNullType(type) ? getNullableType(type) : type;
  return isListType(nullable) || isEnumType(nullable) || !isScalarType(nullable)
    ? undefined
    : ACCEPTED[nullable.name];
}

/**
 * How long the answer to an operation may be kept, and for whom: the rules of Apollo's `@cacheControl`, walked once per operation
 * along the connectors that it will ask. Nothing of a request is in it.
 */
import {
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getOperationAST,
  isAbstractType,
  isCompositeType,
} from 'graphql';
import { Identities } from '../../execute/identities.ts';
import type { ComposedGraph } from '../../graph/compose.ts';
import type { Access, Origin } from '../../graph/graph.ts';
import { withPossibleTypes } from '../../graph/possible-types.ts';
import { toldOfCaller } from '../../load/connector/told-of-caller.ts';
import type { CacheHint } from '../../load/directives/cache-control.ts';
import type { Connector, ConnectorField } from '../../load/model.ts';
import { pathsOf, type ValueMap } from '../../mapping/path.ts';
import {
  type Conditions,
  collectFields,
  type Fragments,
  fragmentsOf,
  objectTypesOf,
  type SelectionSource,
} from '../../plan/collect.ts';
import type { Dependence } from '../../principal/identity.ts';
import type { View, ViewField } from '../../views/view.ts';
import type { PreparedOperation } from '../request.ts';
import { EntityTags, type ObjectTags } from './entity-tags.ts';

export interface Cacheability {
  /** 0: not at all. */
  readonly maxAgeMs: number;
  /** Whether connectors, or the view, say that it is for its caller only. */
  readonly isPrivate: boolean;
  readonly dependence: Dependence;
  /** Names of the graph's types in the answer. */
  readonly types: readonly string[];
  /** What stands for all entities that may be in the answer, where they are not named one by one. */
  readonly unknownEntities: readonly string[];
  /** How the entities in the answer are found. */
  readonly entities: ObjectTags;
}

/** Counted for each type that may stand somewhere. */
const MAX_FIELDS = 100_000;

interface Place {
  readonly view: View;
  readonly graph: ComposedGraph;
}

export function cacheabilityOf(
  { view, graph }: Place,
  { document, operationName }: Pick<PreparedOperation, 'document' | 'operationName'>,
  conditions: Conditions,
): Cacheability {
  const operation = getOperationAST(document, operationName);
  const root = view.schema.getQueryType();
  const walker = new Walker({ view, graph }, fragmentsOf(view.schema, document, conditions));
  const entities =
    operation && root
      ? walker.walk(root, undefined, [{ selectionSet: operation.selectionSet, conditional: false }])
      : undefined;
  return walker.cacheability(entities);
}

class Walker {
  readonly #view: View;
  readonly #graph: ComposedGraph;
  readonly #fragments: Fragments;
  readonly #tags: EntityTags;
  readonly #identities = new Identities();
  readonly #walked = new Map<string, ObjectTags>();
  readonly #connectors = new Set<Connector>();
  readonly #types = new Set<string>();
  /** What was asked along the way already: what leads to a key may be asked for in turn. */
  readonly #reached = new Set<string>();
  readonly #defaultMs: number;
  #maxAgeMs = Number.POSITIVE_INFINITY;
  #isPrivate = false;
  #usesClaims = false;
  #visited = 0;

  constructor({ view, graph }: Place, fragments: Fragments) {
    this.#view = view;
    this.#graph = graph;
    this.#fragments = fragments;
    this.#tags = new EntityTags(graph);
    this.#defaultMs = view.client.settings.cache?.defaultMaxAge ?? 0;
  }

  cacheability(entities: ObjectTags | undefined): Cacheability {
    const told = [...this.#connectors].map(({ settings }) => toldOfCaller(settings));
    const headers = new Set(told.flatMap((one) => one.headers));
    const isTold = told.some(({ more }) => more);
    const isKept = Number.isFinite(this.#maxAgeMs) && this.#visited <= MAX_FIELDS && entities !== undefined;
    return {
      maxAgeMs: isKept ? this.#maxAgeMs : 0,
      isPrivate: this.#isPrivate,
      dependence: {
        principal: this.#isPrivate || this.#usesClaims || isTold,
        address: isTold,
        headers: [...headers].sort(),
      },
      types: [...this.#types],
      unknownEntities: this.#tags.unknown([...this.#types]),
      entities: entities ?? { keys: [], below: [] },
    };
  }

  /** @param origin where the object's record came from; undefined for the root */
  walk(type: GraphQLObjectType, origin: Origin | undefined, sources: readonly SelectionSource[]): ObjectTags {
    const id = this.#identities.keyOf([type, origin, ...sources.map(({ selectionSet }) => selectionSet)]);
    const known = this.#walked.get(id);
    if (known !== undefined) return known;
    const graphName = this.#view.types.get(type.name)?.graphName ?? type.name;
    const fields = collectFields(this.#fragments, type, sources);
    const viewType = this.#view.types.get(type.name);
    const below: Array<ObjectTags['below'][number]> = [];
    const tags: ObjectTags = {
      keys: origin === undefined ? [] : this.#tags.keysOf(graphName, viewType, fields),
      below,
    };
    this.#walked.set(id, tags);
    for (const { responseKey, nodes } of fields) {
      if (++this.#visited > MAX_FIELDS) return tags;
      const name = nodes[0]!.name.value;
      const field = type.getFields()[name];
      const viewField = viewType?.fields.get(name);
      if (field === undefined || viewField === undefined) {
        // What a schema says of itself may depend on who may see what.
        if (name !== '__typename') this.#maxAgeMs = 0;
        continue;
      }
      const end = this.#follow(graphName, origin, viewField);
      this.#restrictByView(type.name, name, field.type);
      const selected = nodes.flatMap(({ selectionSet }) =>
        selectionSet === undefined ? [] : [{ selectionSet, conditional: false }],
      );
      if (selected.length === 0 || end === undefined) continue;
      this.#noteType(getNamedType(field.type).name);
      const possible = objectTypesOf(this.#view.schema, field.type);
      const objects = possible.map((concrete) => this.walk(concrete, end, selected));
      const isEntity = possible.some((concrete) => this.#tags.isEntity(this.#graphName(concrete.name)));
      if (isEntity || objects.some(({ keys, below: more }) => keys.length + more.length > 0))
        below.push({
          responseKey,
          objects,
          unknown: this.#tags.unknown(possible.map(({ name }) => this.#graphName(name))),
        });
    }
    return tags;
  }

  /** Along the path of a view's field. @returns where the records at its end come from */
  #follow(graphName: string, origin: Origin | undefined, viewField: ViewField): Origin | undefined {
    if (viewField.usesClaims) this.#usesClaims = true;
    let owner = graphName;
    let from = origin;
    for (const [index, step] of viewField.steps.entries()) {
      const source =
        from === undefined
          ? this.#graph.types.get(owner)?.fields.get(step)?.sources[0]
          : this.#reach(owner, from, step);
      if (source === undefined) {
        // Nobody knows where it comes from.
        this.#maxAgeMs = 0;
        return undefined;
      }
      if (from === undefined) this.#noteCall(source);
      const type = getNamedType(source.type);
      this.#restrict(this.#hintOf(source, from === undefined, from));
      // Types that are only passed through have no place of their own in the answer.
      if (isCompositeType(type) && index < viewField.steps.length - 1) this.#noteType(undefined, type.name);
      owner = type.name;
      from = this.#graph.originOf(source);
    }
    return from;
  }

  /** Apollo's rules: the field's own hint over its type's; for objects and at the root the default, unless they inherit. */
  #hintOf(source: ConnectorField, isRoot: boolean, from: Origin | undefined): CacheHint {
    const type = getNamedType(source.type);
    const { connector } = source.owner;
    const ofType = isCompositeType(type) ? this.#hintOfType(connector, type.name) : undefined;
    const own = source.cache;
    const maxAgeMs = own?.maxAgeMs ?? (own?.inherits ? undefined : ofType?.maxAgeMs);
    const inherits = own?.inherits || (own?.maxAgeMs === undefined && ofType?.inherits === true);
    const isAway = from !== undefined && from.connector !== connector && source.source.via === 'call';
    const needsOne = isRoot || (isCompositeType(type) && !inherits) || (isAway && !inherits);
    const fallback = isAway && !isCompositeType(type) ? source.owner.cache?.maxAgeMs : undefined;
    return {
      maxAgeMs: maxAgeMs ?? (needsOne ? (fallback ?? this.#defaultMs) : undefined),
      scope: own?.scope ?? ofType?.scope,
      inherits: false,
    };
  }

  /** Of an interface or union: its own, and the lowest of all types that may be there. */
  #hintOfType(connector: Connector, name: string): CacheHint | undefined {
    const own = connector.types.get(name)?.cache;
    const type = connector.schema.getType(name);
    if (!isAbstractType(type)) return own;
    const all = connector.schema.getPossibleTypes(type).map((each) => connector.types.get(each.name)?.cache);
    const ages = all.flatMap((hint) => hint?.maxAgeMs ?? []);
    const isSilent = own === undefined && all.some((hint) => hint?.maxAgeMs === undefined && !hint?.inherits);
    const isPrivate = [own, ...all].some((hint) => hint?.scope === 'PRIVATE');
    if (own?.maxAgeMs !== undefined) ages.push(own.maxAgeMs);
    return {
      maxAgeMs: isSilent
        ? Math.min(this.#defaultMs, ...ages)
        : ages.length === 0
          ? undefined
          : Math.min(...ages),
      scope: isPrivate ? 'PRIVATE' : own?.scope,
      inherits: own?.inherits ?? (all.length > 0 && all.every((hint) => hint?.inherits)),
    };
  }

  /** How a field of an object is had: each lookup on the way counts as a field that gives the entity. */
  #reach(owner: string, from: Origin, step: string): ConnectorField | undefined {
    const access = this.#graph.access(owner, from, step);
    if (access === undefined) return undefined;
    this.#noteAccess(owner, from, access);
    return access.source;
  }

  #noteAccess(owner: string, from: Origin, { source, route, parent }: Access): void {
    const id = this.#identities.keyOf([owner, from, source, route?.lookup]);
    if (this.#reached.has(id)) return;
    this.#reached.add(id);
    if (source.source.via === 'call') this.#noteCall(source);
    for (const { access } of parent) this.#noteAccess(owner, from, access);
    for (const { require } of source.args) if (require !== undefined) this.#noteMap(owner, from, require);
    if (route === undefined) return;
    this.#noteCall(route.lookup.field);
    const { connector, field } = route.lookup;
    const found = this.#hintOfType(connector, owner);
    this.#restrict({
      maxAgeMs: field.cache?.maxAgeMs ?? found?.maxAgeMs ?? this.#defaultMs,
      scope: field.cache?.scope ?? found?.scope,
      inherits: false,
    });
    for (const access of route.keys.values()) this.#noteAccess(owner, from, access);
  }

  /** What is required of other connectors. */
  #noteMap(owner: string, from: Origin, map: ValueMap): void {
    for (const path of pathsOf(map)) {
      let [type, origin] = [owner, from];
      for (const step of path) {
        if (step.kind !== 'key') continue;
        const source = this.#reach(type, origin, step.name);
        if (source === undefined) break;
        this.#restrict(this.#hintOf(source, false, origin));
        const named = getNamedType(source.type);
        // What stands there is read, and nobody sees which one it was.
        if (isCompositeType(named)) this.#noteType(undefined, named.name);
        type = named.name;
        origin = this.#graph.originOf(source);
      }
    }
  }

  #noteCall({ owner, source, args }: ConnectorField): void {
    this.#connectors.add(owner.connector);
    if (source.via === 'call' && source.claims.length > 0) this.#usesClaims = true;
    if (args.some(({ claim }) => claim !== undefined)) this.#usesClaims = true;
  }

  #restrictByView(typeName: string, fieldName: string, type: GraphQLOutputType): void {
    const { hints } = this.#view.caching;
    this.#restrict(hints.get(`${typeName}.${fieldName}`));
    const named = getNamedType(type);
    if (!isCompositeType(named)) return;
    this.#restrict(hints.get(named.name));
    for (const concrete of objectTypesOf(this.#view.schema, type)) this.#restrict(hints.get(concrete.name));
  }

  #restrict(hint: CacheHint | undefined): void {
    if (hint?.maxAgeMs !== undefined) this.#maxAgeMs = Math.min(this.#maxAgeMs, hint.maxAgeMs);
    if (hint?.scope === 'PRIVATE') this.#isPrivate = true;
  }

  /** Notes a type and what may stand in its place. */
  #noteType(viewName: string | undefined, graphName = this.#graphName(viewName!)): void {
    for (const name of withPossibleTypes(this.#graph.schema, graphName)) this.#types.add(name);
    if (viewName === undefined) for (const tag of this.#tags.unknown([graphName])) this.#types.add(tag);
  }

  #graphName(viewName: string): string {
    return this.#view.types.get(viewName)?.graphName ?? viewName;
  }
}

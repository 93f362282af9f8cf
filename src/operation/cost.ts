/**
 * What an operation costs and which quotas it draws on: walked once per operation and combination of its conditions, then a sum over the
 * variables; a number where no variable counts.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  getOperationAST,
  isAbstractType,
  isListType,
  isObjectType,
  Kind,
  type VariableValues,
} from 'graphql';
import { Identities } from '../execute/identities.ts';
import type { Quota } from '../load/quota.ts';
import { compileArguments } from '../plan/arguments.ts';
import { type Conditions, collectFields, type Fragments, type SelectionSource } from '../plan/collect.ts';
import { compileVariables, NO_VARIABLES } from '../plan/variables.ts';
import type { FieldCost, SizeRule } from '../views/costs.ts';
import type { View } from '../views/view.ts';

/** Counted for each type that may stand somewhere, as requirements are. */
const MAX_FIELDS = 100_000;
/** Sums stay exact, and are never more. */
const MOST = Number.MAX_SAFE_INTEGER;

type Claims = Readonly<Record<string, unknown>>;

/** What a request brings along. */
interface Given {
  /** Undefined where they do not fit the operation, which will be refused. */
  readonly variables: VariableValues | undefined;
  readonly claims: Claims;
}

/** A list whose size is found out per request. */
type SizeOf = (given: Given) => number;

/** A field of an object, as it is selected. */
export interface CountedField {
  readonly responseKey: string;
  readonly coordinate: string;
  readonly node: FieldNode;
  /** Each time that it is asked for. */
  readonly weight: number;
  readonly argumentWeight: SizeOf | undefined;
  /** How many values it gives, lists multiplied. */
  readonly size: number | SizeOf;
  readonly isList: boolean;
  /** What each value costs: a leaf, or the dearest of the objects that it may be. */
  readonly each: number;
  readonly objects: readonly CountedObject[];
}

/** An object type with what is selected of it. */
export interface CountedObject {
  readonly index: number;
  readonly weight: number;
  readonly fields: readonly CountedField[];
}

export interface OperationCost {
  readonly root: CountedObject;
  /** Whether there is a list, so that the answer may turn out to be cheaper. */
  readonly hasLists: boolean;
  readonly quotas: ReadonlyArray<{ readonly quota: Quota; readonly times: number }>;
  /** Whole, at most 2^53 - 1. */
  of(variables: Readonly<Record<string, unknown>>, claims: Claims): number;
  /** Why callers have to say more about the size of a list; undefined where they have. */
  problem(variables: Readonly<Record<string, unknown>>, claims: Claims): GraphQLError | undefined;
  /** The size of each list, for people. */
  sizes(): ReadonlyArray<{ readonly field: CountedField; readonly size: number }>;
}

/** @param conditions undefined: whatever may be there is. @returns undefined when there is more than may be walked */
export function costOf(
  view: View,
  document: DocumentNode,
  operationName: string | undefined,
  conditions: Conditions,
): OperationCost | undefined {
  const operation = getOperationAST(document, operationName);
  const type = operation ? view.schema.getRootType(operation.operation) : undefined;
  const walker = new Walker(view, document, conditions);
  const root = walker.walk(type ?? undefined, operation ? [operation] : [], NO_CONTEXT);
  if (walker.visited > MAX_FIELDS) return undefined;
  const objects = walker.objects;
  const coerce = compileVariables(view.schema, operation?.variableDefinitions ?? [], {
    hideSuggestions: true,
  });
  const given = (variables: Readonly<Record<string, unknown>>, claims: Claims): Given => {
    const outcome = walker.depends ? coerce(variables) : { values: NO_VARIABLES };
    return { variables: 'values' in outcome ? outcome.values : undefined, claims };
  };
  const constant = walker.depends ? undefined : total(objects, root, NOTHING_GIVEN);
  const { required } = walker;
  return {
    root,
    hasLists: walker.hasLists,
    quotas: [...timesOf(objects, root)].map(([quota, times]) => ({ quota, times })),
    of: (variables, claims) => constant ?? total(objects, root, given(variables, claims)),
    problem(variables, claims) {
      if (required.length === 0) return undefined;
      const known = given(variables, claims);
      for (const check of required) {
        const problem = check(known);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
    sizes: () =>
      objects
        .flatMap(({ fields }) => fields.filter(({ isList }) => isList))
        .map((field) => ({ field, size: sizeIn(field, NOTHING_GIVEN) })),
  };
}

function sizeIn({ size }: CountedField, given: Given): number {
  return typeof size === 'number' ? size : size(given);
}

/** Objects stand after those that are below them, so one pass is enough however often they are used. */
function total(objects: readonly CountedObject[], root: CountedObject, given: Given): number {
  const sums = new Float64Array(objects.length);
  for (const { index, weight, fields } of objects) {
    let sum = weight;
    for (const field of fields) {
      let each = field.each;
      for (const object of field.objects) each = Math.max(each, sums[object.index]!);
      // Nothing times much is nothing.
      const below = each === 0 ? 0 : each * sizeIn(field, given);
      sum += field.weight + (field.argumentWeight?.(given) ?? 0) + below;
    }
    sums[index] = Math.min(sum, MOST);
  }
  return Math.min(MOST, Math.ceil(sums[root.index]!));
}

/** How often the operation asks for what a quota stands on, however many objects there are. */
function timesOf(objects: readonly CountedObject[], root: CountedObject): ReadonlyMap<Quota, number> {
  const all = new Map<CountedObject, Map<Quota, number>>();
  for (const object of objects) {
    const own = new Map<Quota, number>();
    for (const { objects: below, quotas } of object.fields as readonly WalkedField[]) {
      for (const quota of quotas) own.set(quota, (own.get(quota) ?? 0) + 1);
      const dearest = new Map<Quota, number>();
      for (const one of below)
        for (const [quota, times] of all.get(one) ?? [])
          dearest.set(quota, Math.max(times, dearest.get(quota) ?? 0));
      for (const [quota, times] of dearest) own.set(quota, (own.get(quota) ?? 0) + times);
    }
    all.set(object, own);
  }
  return all.get(root) ?? new Map();
}

interface WalkedField extends CountedField {
  readonly quotas: readonly Quota[];
}

/** Sizes that fields further up have said for lists below. */
type Context = ReadonlyArray<{ readonly path: readonly string[]; readonly size: number | SizeOf }>;

const NO_CONTEXT: Context = [];

class Walker {
  /** Each after those below it. */
  readonly objects: CountedObject[] = [];
  readonly required: Array<(given: Given) => GraphQLError | undefined> = [];
  visited = 0;
  hasLists = false;
  /** Whether variables or claims count. */
  depends = false;
  readonly #view: View;
  readonly #fragments: Fragments;
  readonly #identities = new Identities();
  /** By type and selection: what is selected of an interface stands in each of its types. */
  readonly #walked = new Map<string, CountedObject>();

  constructor(view: View, document: DocumentNode, conditions: Conditions) {
    this.#view = view;
    const fragments = document.definitions.filter(
      (node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION,
    );
    this.#fragments = {
      schema: view.schema,
      byName: new Map(fragments.map((node) => [node.name.value, node])),
      conditions,
    };
  }

  /** @param type undefined: an operation that will be refused. The root has no weight of its own */
  walk(
    type: GraphQLObjectType | undefined,
    nodes: ReadonlyArray<Pick<FieldNode, 'selectionSet'>>,
    context: Context,
    weight = 0,
  ): CountedObject {
    const sources: readonly SelectionSource[] = nodes.flatMap(({ selectionSet }) =>
      selectionSet === undefined ? [] : [{ selectionSet, conditional: false }],
    );
    const id = this.#identities.keyOf([
      type,
      ...sources.map(({ selectionSet }) => selectionSet),
      ...context.flatMap(({ path, size }) => [path.join('.'), size]),
    ]);
    const known = this.#walked.get(id);
    if (known !== undefined) return known;
    const fields: WalkedField[] = [];
    if (type !== undefined && this.visited <= MAX_FIELDS)
      for (const { responseKey, nodes: selected } of collectFields(this.#fragments, type, sources)) {
        this.visited++;
        const field = type.getFields()[selected[0]!.name.value];
        // Introspection has limits of its own.
        if (field === undefined) continue;
        fields.push(this.#field(type, field, { responseKey, nodes: selected, context }));
      }
    const object = { index: this.objects.length, weight, fields };
    this.objects.push(object);
    this.#walked.set(id, object);
    return object;
  }

  #field(
    type: GraphQLObjectType,
    field: GraphQLField<unknown, unknown>,
    {
      responseKey,
      nodes,
      context,
    }: { readonly responseKey: string; readonly nodes: readonly FieldNode[]; readonly context: Context },
  ): WalkedField {
    const node = nodes[0]!;
    const coordinate = `${type.name}.${field.name}`;
    const cost = this.#view.costs.fieldOf(type.name, field.name);
    const steps = this.#view.types.get(type.name)?.fields.get(field.name)?.steps ?? [];
    const args = this.#argumentsOf(type.name, field, node, cost);
    const said = context.find(({ path }) => path.length === steps.length && startsWith(path, steps));
    const size = this.#sizeOf(field.type, cost.size, { args, coordinate, node, said: said?.size });
    const below: Context = [
      ...cost.sizes.map(({ path, rule }) => ({
        path,
        size: this.#ofRule(rule, { args, coordinate, node }),
      })),
      ...context.flatMap(({ path, size: inherited }) =>
        path.length > steps.length && startsWith(path, steps)
          ? [{ path: path.slice(steps.length), size: inherited }]
          : [],
      ),
    ];
    const named = getNamedType(field.type);
    const concrete = isAbstractType(named)
      ? this.#view.schema.getPossibleTypes(named)
      : isObjectType(named)
        ? [named]
        : [];
    const isList = isListType(getNullableType(field.type));
    this.hasLists ||= isList;
    const { weighArguments } = cost;
    return {
      responseKey,
      coordinate,
      node,
      weight: cost.weight,
      argumentWeight:
        weighArguments === undefined ? undefined : (given) => weighArguments(args.of(given) ?? NO_VALUES),
      size,
      isList,
      each: concrete.length === 0 ? this.#view.costs.weightOf(named.name) : 0,
      objects: concrete.map((one) => this.walk(one, nodes, below, this.#view.costs.weightOf(one.name))),
      quotas: cost.quotas,
    };
  }

  #argumentsOf(
    typeName: string,
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
    { size, sizes, weighArguments }: FieldCost,
  ): Arguments {
    const viewField = this.#view.types.get(typeName)?.fields.get(field.name);
    const isSliced = [size, ...sizes.map(({ rule }) => rule)].some(
      (rule) => rule !== undefined && !rule.isFixed,
    );
    if (viewField === undefined || (weighArguments === undefined && !isSliced)) return NO_ARGUMENTS;
    const { of, constant } = compileArguments(field, node);
    const depends = !constant || viewField.usesClaims;
    if (depends) this.depends = true;
    return {
      depends,
      of({ variables, claims }) {
        if (variables === undefined && depends) return undefined;
        try {
          return viewField.toGraphArguments({ args: of(variables ?? NO_VARIABLES), claims });
        } catch {
          // The field's own error, once it is executed.
          return undefined;
        }
      },
    };
  }

  #sizeOf(
    type: GraphQLOutputType,
    rule: SizeRule | undefined,
    at: At & { readonly said: number | SizeOf | undefined },
  ): number | SizeOf {
    const levels = listLevels(type);
    if (levels === 0) return 1;
    const assumed = this.#view.client.settings.cost.listSize;
    // What is known is how long the outermost list is.
    const inner = Math.min(MOST, assumed ** (levels - 1));
    const outer = at.said ?? (rule === undefined ? assumed : this.#ofRule(rule, at));
    return typeof outer === 'number'
      ? Math.min(MOST, outer * inner)
      : (given) => Math.min(MOST, outer(given) * inner);
  }

  #ofRule(rule: SizeRule, { args, coordinate, node }: At): number | SizeOf {
    const { slicing, isFixed, requireOne } = rule;
    const assumed = rule.assumed ?? this.#view.client.settings.cost.listSize;
    if (slicing.length === 0) return assumed;
    if (isFixed) return longest(slicing, NO_VALUES) ?? assumed;
    if (requireOne)
      this.required.push((given) => checkOne(rule, { values: args.of(given), given, coordinate, node }));
    const size: SizeOf = (given) => {
      const values = args.of(given);
      return values === undefined ? assumed : (longest(slicing, values) ?? assumed);
    };
    return args.depends ? size : size(NOTHING_GIVEN);
  }
}

type Values = Readonly<Record<string, unknown>>;

/** The graph's arguments of a selected field. */
interface Arguments {
  /** On variables or claims. */
  readonly depends: boolean;
  /** Undefined where the variables do not fit. */
  readonly of: (given: Given) => Values | undefined;
}

const NO_VALUES: Values = Object.freeze(Object.create(null));
const NO_ARGUMENTS: Arguments = { depends: false, of: () => NO_VALUES };
const NOTHING_GIVEN: Given = { variables: undefined, claims: NO_VALUES };

/** A list, and what is known of the field that says its size. */
interface At {
  readonly args: Arguments;
  readonly coordinate: string;
  readonly node: FieldNode;
}

/** The most that any of the arguments asks for; undefined when none says it. */
function longest(slicing: SizeRule['slicing'], values: Values): number | undefined {
  let most: number | undefined;
  for (const { path, presets } of slicing) {
    const size = toSize(valueAt(path, presets, values));
    if (size !== undefined) most = Math.max(most ?? 0, size);
  }
  return most;
}

function valueAt(path: readonly string[], presets: readonly unknown[], values: Values): unknown {
  let value: unknown = values;
  for (const [index, name] of path.entries()) {
    if (typeof value !== 'object' || value === null) return undefined;
    const given = Object.hasOwn(value, name) ? (value as Values)[name] : undefined;
    value = given === undefined ? presets[index] : given;
  }
  return value;
}

/** Never less than nothing, and never more than can be reckoned with. */
function toSize(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  const isWhole = typeof value === 'bigint' || (typeof value === 'string' && /^-?\d{1,100}$/.test(value));
  const size = isWhole ? Number(value) : value;
  return typeof size !== 'number' || Number.isNaN(size)
    ? undefined
    : Math.min(MOST, Math.max(0, Math.ceil(size)));
}

/** A list of which callers have to say how long it is, in one way. */
function checkOne(
  { slicing, names }: SizeRule,
  {
    values,
    given,
    coordinate,
    node,
  }: {
    readonly values: Values | undefined;
    readonly given: Given;
    readonly coordinate: string;
    readonly node: FieldNode;
  },
): GraphQLError | undefined {
  // Variables that do not fit are refused for that.
  if (values === undefined) return undefined;
  const written = (node.arguments ?? []).filter(({ name, value }) => {
    if (!names.includes(name.value) || value.kind === Kind.NULL) return false;
    return (
      value.kind !== Kind.VARIABLE || (given.variables?.coerced[value.name.value] ?? undefined) !== undefined
    );
  });
  const problem =
    longest(slicing, values) === undefined
      ? 'how many it wants'
      : written.length > 1
        ? 'in one way only how many it wants'
        : undefined;
  if (problem === undefined) return undefined;
  const how = names.length === 0 ? '' : `: with ${names.map((name) => `"${name}"`).join(' or ')}`;
  return new GraphQLError(`${coordinate} has to say ${problem}${how}.`, {
    nodes: [node],
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
  });
}

function listLevels(type: GraphQLOutputType): number {
  let levels = 0;
  for (let inner = getNullableType(type); isListType(inner); inner = getNullableType(inner.ofType)) levels++;
  return levels;
}

function startsWith(path: readonly string[], steps: readonly string[]): boolean {
  return steps.length > 0 && steps.every((step, index) => path[index] === step);
}

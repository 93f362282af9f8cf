/** Finds what of an operation counts: each selected field, for each concrete type that it may be asked of. */
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isListType,
} from 'graphql';
import type { Denials } from '../../execute/engine.ts';
import { Identities } from '../../execute/identities.ts';
import { compileArguments } from '../../plan/arguments.ts';
import {
  type Conditions,
  collectFields,
  type Fragments,
  fragmentsOf,
  objectTypesOf,
  type SelectionSource,
} from '../../plan/collect.ts';
import { NO_VARIABLES } from '../../plan/variables.ts';
import type { FieldCost, SizeRule } from '../../views/costs.ts';
import type { View } from '../../views/view.ts';
import {
  type CountedField,
  type CountedObject,
  type Given,
  MOST,
  NO_VALUES,
  NOTHING_GIVEN,
  type SizeOf,
  type Values,
} from './counted.ts';
import { checkOne, longest } from './list-sizes.ts';

/** Sizes that fields further up have said for lists below. */
type Context = ReadonlyArray<{ readonly path: readonly string[]; readonly size: number | SizeOf }>;

const NO_CONTEXT: Context = [];

/** Counted for each type that may stand somewhere, as requirements are. */
const MAX_FIELDS = 100_000;

/** Walks an operation once. */
export class CostWalker {
  /** Each after those below it. */
  readonly objects: CountedObject[] = [];
  readonly required: Array<(given: Given) => GraphQLError | undefined> = [];
  /** Whether variables or claims count. */
  depends = false;
  #visited = 0;
  readonly #view: View;
  readonly #fragments: Fragments;
  readonly #denied: Denials | undefined;
  readonly #identities = new Identities();
  /** By type and selection: what is selected of an interface stands in each of its types. */
  readonly #walked = new Map<string, CountedObject>();

  constructor(
    view: View,
    document: DocumentNode,
    { conditions, denied }: { readonly conditions: Conditions; readonly denied: Denials | undefined },
  ) {
    this.#view = view;
    this.#denied = denied;
    this.#fragments = fragmentsOf(view.schema, document, conditions);
  }

  /** There is more than may be walked. */
  get isTooLarge(): boolean {
    return this.#visited > MAX_FIELDS;
  }

  /** @param type undefined: an operation that will be refused. The root has no weight of its own */
  walk(
    type: GraphQLObjectType | undefined,
    nodes: ReadonlyArray<Pick<FieldNode, 'selectionSet'>>,
    context: Context = NO_CONTEXT,
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
    const fields: CountedField[] = [];
    if (type !== undefined && this.#visited <= MAX_FIELDS)
      for (const { responseKey, nodes: selected } of collectFields(this.#fragments, type, sources)) {
        this.#visited++;
        const field = type.getFields()[selected[0]!.name.value];
        // Introspection has limits of its own; what is denied is not asked for.
        if (field === undefined || this.#denied?.denialOf(type.name, selected[0]!) !== undefined) continue;
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
  ): CountedField {
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
    const concrete = objectTypesOf(this.#view.schema, named);
    const isList = isListType(getNullableType(field.type));
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

/** The graph's arguments of a selected field. */
interface Arguments {
  /** On variables or claims. */
  readonly depends: boolean;
  /** Undefined where the variables do not fit. */
  readonly of: (given: Given) => Values | undefined;
}

const NO_ARGUMENTS: Arguments = { depends: false, of: () => NO_VALUES };

/** A list, and what is known of the field that says its size. */
interface At {
  readonly args: Arguments;
  readonly coordinate: string;
  readonly node: FieldNode;
}

function listLevels(type: GraphQLOutputType): number {
  let levels = 0;
  for (let inner = getNullableType(type); isListType(inner); inner = getNullableType(inner.ofType)) levels++;
  return levels;
}

function startsWith(path: readonly string[], steps: readonly string[]): boolean {
  return steps.length > 0 && steps.every((step, index) => path[index] === step);
}

/**
 * What a view costs: the graph's weights along each field's path, and the view's own where they are higher. A view that would make
 * something cheaper is reported.
 */
import {
  type ConstDirectiveNode,
  coerceInputLiteral,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
} from 'graphql';
import { GraphCosts, type WeighArguments } from '../graph/costs.ts';
import type { Graph } from '../graph/graph.ts';
import { directiveOn, type ListSize, readTypeWeight, readWeight } from '../load/directives/cost.ts';
import { DirectiveReader } from '../load/directives/directive-reader.ts';
import { type Quota, readQuotas } from '../load/directives/quota.ts';
import type { Problems } from '../problems.ts';
import { directiveOf, textOf } from './context.ts';
import type { ViewType } from './view.ts';

/** How long a list is taken to be. */
export interface SizeRule extends Pick<ListSize, 'assumed' | 'requireOne'> {
  /** Paths in the graph's arguments, and what stands at each step where nothing is given. */
  readonly slicing: ReadonlyArray<{ readonly path: readonly string[]; readonly presets: readonly unknown[] }>;
  /** A view's path leads on from the field, so that no caller can give any argument. */
  readonly isFixed: boolean;
  /** What the view calls the arguments in `slicing`, as far as it has them. */
  readonly names: readonly string[];
}

export interface FieldCost {
  /** Each time that it is asked for. */
  readonly weight: number;
  /** Of its own list. */
  readonly size: SizeRule | undefined;
  /** Of lists below its value, by their paths in the graph. */
  readonly sizes: ReadonlyArray<{ readonly path: readonly string[]; readonly rule: SizeRule }>;
  /** Takes the graph's arguments. */
  readonly weighArguments: WeighArguments | undefined;
  readonly quotas: readonly Quota[];
}

/** Of one view. */
export interface ViewCosts {
  readonly hasQuotas: boolean;
  /** Whether there are lists whose size callers have to say. */
  readonly hasRequired: boolean;
  fieldOf(typeName: string, fieldName: string): FieldCost;
  /** Of each value of an object type or leaf. */
  weightOf(typeName: string): number;
}

const PLAIN: FieldCost = { weight: 0, size: undefined, sizes: [], weighArguments: undefined, quotas: [] };

interface CostsInput {
  /** The view's own, with directives. */
  readonly schema: GraphQLSchema;
  readonly types: ReadonlyMap<string, ViewType>;
  readonly graph: Graph;
  readonly client: string;
  readonly file: string;
  readonly problems: Problems;
}

export function buildCosts(input: CostsInput): ViewCosts {
  const builder = new CostsBuilder(input);
  const fields = new Map<string, FieldCost>();
  const weights = new Map<string, number>();
  for (const type of Object.values(input.schema.getTypeMap())) {
    const weight = builder.ofType(type);
    if (weight > 0) weights.set(type.name, weight);
    if (!isObjectType(type) || !input.types.has(type.name)) continue;
    for (const field of Object.values(type.getFields())) {
      const cost = builder.ofField(type, field);
      if (cost !== PLAIN) fields.set(`${type.name}.${field.name}`, cost);
    }
  }
  const all = [...fields.values()];
  const rulesOf = ({ size, sizes }: FieldCost) => [size, ...sizes.map(({ rule }) => rule)];
  return {
    hasQuotas: all.some(({ quotas }) => quotas.length > 0),
    hasRequired: all.some((cost) => rulesOf(cost).some((rule) => rule?.requireOne)),
    fieldOf: (typeName, fieldName) => fields.get(`${typeName}.${fieldName}`) ?? PLAIN,
    weightOf: (typeName) => weights.get(typeName) ?? 0,
  };
}

class CostsBuilder {
  readonly #input: CostsInput;
  readonly #graph: GraphCosts;
  readonly #reader: DirectiveReader;

  constructor(input: CostsInput) {
    this.#input = input;
    this.#graph = new GraphCosts(input.graph);
    this.#reader = new DirectiveReader(input.schema, input.file, input.problems);
  }

  ofType(type: GraphQLNamedType): number {
    const nodes = [type.astNode, ...type.extensionASTNodes];
    const graph = this.#graph.weightOfType(this.#graphName(type.name));
    return this.#raised(nodes, type.name, { own: readTypeWeight(type, this.#reader), graph });
  }

  ofField(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): FieldCost {
    const viewField = this.#input.types.get(type.name)?.fields.get(field.name);
    if (viewField === undefined) return PLAIN;
    const { steps } = viewField;
    const promised = type.getInterfaces().flatMap((each) => each.getFields()[field.name] ?? []);
    const coordinate = `${type.name}.${field.name}`;
    let owner = this.#graphName(type.name);
    let weight = 0;
    let size: SizeRule | undefined;
    let weighArguments: WeighArguments | undefined;
    const sizes: Array<{ readonly path: readonly string[]; readonly rule: SizeRule }> = [];
    const quotas: Quota[] = [];
    for (const [index, step] of steps.entries()) {
      const hop = this.#graph.ofField(owner, step);
      const isLast = index === steps.length - 1;
      const weigh = this.#graph.weighArguments(owner, step);
      const target = this.#fieldOf(owner, step);
      weight += hop.weight;
      quotas.push(...hop.quotas);
      if (isLast) weighArguments = weigh;
      else {
        // An object on the way costs what it costs where it is shown.
        weight += this.#graph.weightOfType(target === undefined ? '' : getNamedType(target.type).name);
        weight += weigh?.(this.#presets(owner, step)) ?? 0;
      }
      if (hop.listSize !== undefined) {
        const rule = this.#sizeRule(hop.listSize, { field, target, isFixed: !isLast });
        const rest = steps.slice(index + 1);
        if (hop.listSize.sized.length === 0) size = rule;
        for (const path of hop.listSize.sized) {
          if (!rest.every((name, at) => path[at] === name)) continue;
          const below = path.slice(rest.length);
          if (below.length === 0 && path.length === rest.length) size ??= rule;
          else if (below.length > 0) sizes.push({ path: below, rule });
        }
      }
      owner = target === undefined ? '' : getNamedType(target.type).name;
    }
    const nodes = [field.astNode, ...promised.map(({ astNode }) => astNode)];
    const scope = `client:${this.#input.client}`;
    quotas.push(...readQuotas(field.astNode, { coordinate, scope }, this.#reader));
    for (const { astNode } of promised) {
      const of = type.getInterfaces().find((each) => each.getFields()[field.name]?.astNode === astNode);
      quotas.push(...this.#quotasOf(of!, field.name, scope));
    }
    weight = this.#raised(nodes, coordinate, { own: readWeight(nodes, this.#reader), graph: weight });
    size = this.#lengthened(nodes, { coordinate, type: field.type, size });
    if (
      weight === 0 &&
      size === undefined &&
      sizes.length === 0 &&
      weighArguments === undefined &&
      quotas.length === 0
    )
      return PLAIN;
    return { weight, size, sizes, weighArguments, quotas };
  }

  readonly #promised = new Map<string, readonly Quota[]>();

  /** Of a field of an interface: one quota for all that implement it. */
  #quotasOf(type: GraphQLInterfaceType, fieldName: string, scope: string): readonly Quota[] {
    const coordinate = `${type.name}.${fieldName}`;
    const known = this.#promised.get(coordinate);
    if (known !== undefined) return known;
    const read = readQuotas(type.getFields()[fieldName]?.astNode, { coordinate, scope }, this.#reader);
    this.#promised.set(coordinate, read);
    return read;
  }

  #sizeRule({ assumed, slicing, requireOne }: ListSize, { field, target, isFixed }: SizedField): SizeRule {
    const named = field.args.flatMap(({ name, astNode }) => {
      const graphName = textOf(directiveOf(astNode?.directives, 'from'), 'argument') ?? name;
      return slicing.some(([first]) => first === graphName) ? [name] : [];
    });
    return {
      assumed,
      slicing: slicing.map((path) => ({ path, presets: presetsOf(path, target) })),
      // What nobody can give, nobody has to.
      requireOne: requireOne && !isFixed,
      isFixed,
      names: named,
    };
  }

  /** The view's own weight, which is not lower than the graph's. */
  #raised(
    nodes: Parameters<typeof readWeight>[0],
    coordinate: string,
    { own, graph }: { readonly own: number | undefined; readonly graph: number },
  ): number {
    if (own === undefined || own >= graph) return own ?? graph;
    const directive = nodes.map((node) => directiveOn(node, 'cost')).find((each) => each !== undefined);
    this.#refuse(directive!, `${coordinate} would cost less than in the graph`, [own, graph]);
    return graph;
  }

  /** The view's own size, which is not shorter than the graph's. */
  #lengthened(
    nodes: Parameters<typeof readWeight>[0],
    { coordinate, type, size }: ListOfView,
  ): SizeRule | undefined {
    for (const node of nodes) {
      const directive = directiveOn(node, 'listSize');
      const values = directive === undefined ? undefined : this.#reader.values('listSize', node);
      const assumed = values?.assumedSize as number | undefined;
      if (directive === undefined || assumed === undefined) continue;
      if (!isListType(getNullableType(type)))
        this.#reader.report(directive, {
          rule: 'list-size',
          message: `${coordinate} is no list.`,
          found: String(type),
        });
      const graph = Math.max(0, size?.assumed ?? 0);
      if (assumed < graph)
        this.#refuse(directive, `${coordinate} would be shorter than in the graph`, [assumed, graph]);
      return size === undefined
        ? { assumed: Math.max(0, assumed), slicing: [], requireOne: false, isFixed: true, names: [] }
        : { ...size, assumed };
    }
    return size;
  }

  #refuse(directive: ConstDirectiveNode, what: string, [own, graph]: readonly [number, number]): void {
    this.#reader.report(directive, {
      rule: 'view-loosens',
      message: `${what}; a view can only make it dearer.`,
      found: String(own),
      expected: `${graph} or more`,
      hint: 'remove the directive: what the connectors say holds without it',
    });
  }

  /** What a field is asked with where a path leads on from it. */
  #presets(owner: string, step: string): Readonly<Record<string, unknown>> {
    const sources = this.#input.graph.types.get(owner)?.fields.get(step)?.sources ?? [];
    const entries = sources.flatMap(({ args }) =>
      args.flatMap((each) => (each.hasDefault ? [[each.name, each.defaultValue] as const] : [])),
    );
    return Object.assign(Object.create(null), Object.fromEntries(entries));
  }

  #fieldOf(owner: string, step: string): GraphQLField<unknown, unknown> | undefined {
    const type = this.#input.graph.schema.getType(owner);
    return isObjectType(type) || isInterfaceType(type) ? type.getFields()[step] : undefined;
  }

  #graphName(viewName: string): string {
    return this.#input.types.get(viewName)?.graphName ?? viewName;
  }
}

interface ListOfView {
  readonly coordinate: string;
  readonly type: GraphQLOutputType;
  readonly size: SizeRule | undefined;
}

/** A list: of a field of the view, by a field of the graph along its path. */
interface SizedField {
  readonly field: GraphQLField<unknown, unknown>;
  readonly target: GraphQLField<unknown, unknown> | undefined;
  readonly isFixed: boolean;
}

/** The defaults of an argument and of input fields below it. */
function presetsOf(
  path: readonly string[],
  target: GraphQLField<unknown, unknown> | undefined,
): readonly unknown[] {
  let argument: GraphQLArgument | GraphQLInputField | undefined = target?.args.find(
    ({ name }) => name === path[0],
  );
  return path.map((_name, index) => {
    if (index > 0) {
      const type: unknown = argument === undefined ? undefined : getNullableType(argument.type);
      argument = isInputObjectType(type) ? type.getFields()[path[index]!] : undefined;
    }
    const preset = argument?.default;
    return preset?.literal === undefined ? preset?.value : coerceInputLiteral(preset.literal, argument!.type);
  });
}

/** What of an operation may come later: its `@defer` and `@stream`, read once per document. Nothing of a request is in it. */
import {
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { isIncremental } from '../execute/incremental-directives.ts';

type Variables = Readonly<Record<string, unknown>>;

/** Why operations are not compiled for callers who take an answer in parts; for `explain`. */
export const NOT_IN_PARTS = 'a plan gives one answer, and graphql-js knows how to give it in parts';

/** How long a list is nobody knows before it is there. */
const ITEMS_OF_A_LIST = 10;

/** A variable that a directive's argument stands on, and what it is when it is not given. */
interface Dependence {
  readonly variable: string;
  readonly preset: unknown;
}

/** The directives of one operation, of which some are not switched off for good. */
export class IncrementalUse {
  /** Fragments and lists that may come later: fragments expanded, and what is inside a list counted ten-fold. */
  readonly parts: number;
  readonly #always: boolean;
  readonly #conditions: readonly Dependence[];
  readonly #counts: readonly Dependence[];

  constructor(parts: number, directives: readonly DirectiveNode[], operation: OperationDefinitionNode) {
    this.parts = parts;
    const conditions = directives.map((directive) => argumentOf(directive, 'if'));
    this.#always = conditions.some((value) => value === undefined || isLiteral(value, true));
    this.#conditions = dependences(conditions, operation, true);
    this.#counts = dependences(
      directives.map((directive) => argumentOf(directive, 'initialCount')),
      operation,
      0,
    );
  }

  /** Whether anything comes later with these variables. */
  isActive(variables: Variables): boolean {
    return this.#always || this.#conditions.some((one) => givenFor(one, variables) === true);
  }

  /** What the directives cannot be executed with, in a sentence. Whatever else is wrong with variables is found when they are coerced. */
  problemWith(variables: Variables): string | undefined {
    const missing = [...this.#conditions, ...this.#counts].find((one) => givenFor(one, variables) === null);
    if (missing !== undefined)
      return `The variable "$${missing.variable}" is null, and a @defer or @stream stands on it.`;
    const negative = this.#counts.find((one) => Number(givenFor(one, variables)) < 0);
    if (negative !== undefined)
      return `The variable "$${negative.variable}" is negative, and a list cannot begin with fewer than no items.`;
    return undefined;
  }
}

/** By operation, where there is any; undefined for the many documents without. The document has to be valid. */
export function incrementalUses(
  schema: GraphQLSchema,
  document: DocumentNode,
): ReadonlyMap<OperationDefinitionNode, IncrementalUse> | undefined {
  const found = new Map<OperationDefinitionNode, IncrementalUse>();
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    const reader = new Reader(schema, document);
    const parts = reader.partsOf(node.selectionSet, schema.getRootType(node.operation) ?? undefined);
    if (parts > 0) found.set(node, new IncrementalUse(parts, reader.directives, node));
  }
  return found.size === 0 ? undefined : found;
}

export function argumentOf({ arguments: args }: DirectiveNode, name: string): ValueNode | undefined {
  return args?.find((argument) => argument.name.value === name)?.value;
}

/** Counts what may come later below a selection, each fragment once. */
class Reader {
  readonly directives: DirectiveNode[] = [];
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #known = new Map<string, number>();

  constructor(schema: GraphQLSchema, { definitions }: DocumentNode) {
    this.#schema = schema;
    this.#fragments = new Map(
      definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
      ),
    );
  }

  partsOf({ selections }: SelectionSetNode, type: GraphQLOutputType | undefined): number {
    let parts = 0;
    for (const node of selections) parts += this.#own(node) + this.#below(node, type);
    return parts;
  }

  #own({ directives = [] }: SelectionNode): number {
    const used = directives.filter(isIncremental);
    this.directives.push(...used);
    return used.filter((directive) => !isLiteral(argumentOf(directive, 'if'), false)).length;
  }

  #below(node: SelectionNode, type: GraphQLOutputType | undefined): number {
    if (node.kind === Kind.FRAGMENT_SPREAD) return this.#ofFragment(node.name.value);
    if (node.selectionSet === undefined) return 0;
    if (node.kind === Kind.INLINE_FRAGMENT)
      return this.partsOf(node.selectionSet, this.#named(node.typeCondition?.name.value) ?? type);
    const field = isCompositeType(type) ? this.#schema.getField(type, node.name.value) : undefined;
    if (field === undefined) return 0;
    return (
      this.partsOf(node.selectionSet, getNamedType(field.type)) * ITEMS_OF_A_LIST ** listsAround(field.type)
    );
  }

  #ofFragment(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return 0;
    const parts = this.partsOf(fragment.selectionSet, this.#named(fragment.typeCondition.name.value));
    this.#known.set(name, parts);
    return parts;
  }

  #named(name: string | undefined): GraphQLOutputType | undefined {
    const type = name === undefined ? undefined : this.#schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  }
}

function isLiteral(node: ValueNode | undefined, value: boolean): boolean {
  return node?.kind === Kind.BOOLEAN && node.value === value;
}

function listsAround(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return listsAround(type.ofType);
  return isListType(type) ? 1 + listsAround(type.ofType) : 0;
}

/** @param absent what the argument is by default: also when its variable is not given and has no default of its own */
function dependences(
  values: ReadonlyArray<ValueNode | undefined>,
  operation: OperationDefinitionNode,
  absent: boolean | number,
): readonly Dependence[] {
  return values.flatMap((value) => {
    if (value?.kind !== Kind.VARIABLE) return [];
    const variable = value.name.value;
    const definition = operation.variableDefinitions?.find((one) => one.variable.name.value === variable);
    const own = literal(definition?.defaultValue);
    return [{ variable, preset: own === undefined ? absent : own }];
  });
}

/** Undefined where there is none. */
function literal(node: ValueNode | undefined): unknown {
  if (node?.kind === Kind.NULL) return null;
  if (node?.kind === Kind.BOOLEAN) return node.value;
  return node?.kind === Kind.INT ? Number(node.value) : undefined;
}

function givenFor({ variable, preset }: Dependence, variables: Variables): unknown {
  return Object.hasOwn(variables, variable) ? variables[variable] : preset;
}

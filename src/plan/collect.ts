/** Collects the fields of a selection for one concrete type, as graphql-js does while executing, but once: conditions stay symbolic. */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** `@skip`/`@include` by a variable: the field is there if the variable is this. */
export interface Test {
  readonly variable: string;
  readonly is: boolean;
}

/** Any of the alternatives, in each all tests. */
export type Condition = ReadonlyArray<readonly Test[]>;

export const ALWAYS: Condition = [[]];

export interface CollectedField {
  readonly responseKey: string;
  /** All nodes with this response key, each with the condition under which its selection counts. */
  readonly nodes: ReadonlyArray<{ readonly node: FieldNode; readonly tests: readonly Test[] }>;
  readonly condition: Condition;
}

export interface SelectionSource {
  readonly selectionSet: SelectionSetNode;
  readonly tests: readonly Test[];
}

export interface Fragments {
  readonly schema: GraphQLSchema;
  readonly byName: ReadonlyMap<string, FragmentDefinitionNode>;
}

export function collectFields(
  fragments: Fragments,
  type: GraphQLObjectType,
  sources: readonly SelectionSource[],
): readonly CollectedField[] {
  const found = new Map<string, Array<{ node: FieldNode; tests: readonly Test[] }>>();
  for (const source of sources) collectInto(found, fragments, type, source, new Set());
  return [...found].map(([responseKey, nodes]) => ({
    responseKey,
    nodes,
    condition: anyOf(nodes.map(({ tests }) => tests)),
  }));
}

function collectInto(
  found: Map<string, Array<{ node: FieldNode; tests: readonly Test[] }>>,
  fragments: Fragments,
  type: GraphQLObjectType,
  source: SelectionSource,
  open: Set<string>,
): void {
  for (const node of source.selectionSet.selections) {
    const own = testsOf(node);
    if (own === 'never') continue;
    const tests = own.length === 0 ? source.tests : [...source.tests, ...own];
    if (node.kind === Kind.FIELD) {
      const key = node.alias?.value ?? node.name.value;
      const nodes = found.get(key) ?? [];
      nodes.push({ node, tests });
      found.set(key, nodes);
      continue;
    }
    if (node.kind === Kind.INLINE_FRAGMENT) {
      if (applies(fragments.schema, node.typeCondition?.name.value, type))
        collectInto(found, fragments, type, { selectionSet: node.selectionSet, tests }, open);
      continue;
    }
    const name = node.name.value;
    const fragment = fragments.byName.get(name);
    // A spread of the same fragment again adds nothing, unless it stands under another condition.
    const spread = `${name} ${JSON.stringify(tests)}`;
    if (
      fragment === undefined ||
      open.has(spread) ||
      !applies(fragments.schema, fragment.typeCondition.name.value, type)
    )
      continue;
    open.add(spread);
    collectInto(found, fragments, type, { selectionSet: fragment.selectionSet, tests }, open);
  }
}

function applies(schema: GraphQLSchema, condition: string | undefined, type: GraphQLObjectType): boolean {
  if (condition === undefined || condition === type.name) return true;
  const conditional = schema.getType(condition);
  return isAbstractType(conditional) && schema.isSubType(conditional, type);
}

function testsOf(node: SelectionNode): readonly Test[] | 'never' {
  const tests: Test[] = [];
  for (const { name, arguments: args } of node.directives ?? []) {
    if (name.value !== 'skip' && name.value !== 'include') continue;
    const value = args?.find((argument) => argument.name.value === 'if')?.value;
    const wanted = name.value === 'include';
    if (value?.kind === Kind.BOOLEAN && value.value !== wanted) return 'never';
    if (value?.kind === Kind.VARIABLE) tests.push({ variable: value.name.value, is: wanted });
  }
  return tests;
}

function anyOf(alternatives: ReadonlyArray<readonly Test[]>): Condition {
  return alternatives.some((tests) => tests.length === 0) ? ALWAYS : alternatives;
}

/** Collects the fields of a selection for one concrete type, as graphql-js does while executing, but once. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';

/**
 * The values of the variables that `@skip` and `@include` stand on: a plan is made for one combination of them, because they decide
 * which fields there are, in which order, and what backends are asked for. Undefined: whatever may be there is.
 */
export type Conditions = ReadonlyMap<string, boolean> | undefined;

export interface CollectedField {
  readonly responseKey: string;
  /** All nodes with this response key. */
  readonly nodes: readonly FieldNode[];
  /** Whether it depends on a variable that it is there. */
  readonly conditional: boolean;
}

export interface SelectionSource {
  readonly selectionSet: SelectionSetNode;
  readonly conditional: boolean;
}

export interface Fragments {
  readonly schema: GraphQLSchema;
  readonly byName: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly conditions: Conditions;
}

/** The variables on which `@skip` and `@include` of a document stand. */
export function conditionVariables(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: args }) {
      const value = args?.find((argument) => argument.name.value === 'if')?.value;
      if ((name.value === 'skip' || name.value === 'include') && value?.kind === Kind.VARIABLE)
        names.add(value.name.value);
    },
  });
  return [...names];
}

/** What a selection of a document is collected with. */
export function fragmentsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  conditions: Conditions,
): Fragments {
  const fragments = document.definitions.filter(
    (node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION,
  );
  return { schema, byName: new Map(fragments.map((node) => [node.name.value, node])), conditions };
}

/** The object types of which a value of a type may be; none for scalars and enums. */
export function objectTypesOf(
  schema: GraphQLSchema,
  type: GraphQLOutputType | GraphQLNamedType,
): readonly GraphQLObjectType[] {
  const named = getNamedType(type);
  if (isAbstractType(named)) return schema.getPossibleTypes(named);
  return isObjectType(named) ? [named] : [];
}

export function collectFields(
  fragments: Fragments,
  type: GraphQLObjectType,
  sources: readonly SelectionSource[],
): readonly CollectedField[] {
  const collector = new Collector(fragments, type);
  for (const source of sources) collector.collect(source);
  return [...collector.found].map(([responseKey, found]) => ({ responseKey, ...found }));
}

class Collector {
  readonly found = new Map<string, { readonly nodes: FieldNode[]; conditional: boolean }>();
  readonly #fragments: Fragments;
  readonly #type: GraphQLObjectType;
  /** Spreads of a fragment that was collected before add nothing. */
  readonly #spread = new Set<string>();

  constructor(fragments: Fragments, type: GraphQLObjectType) {
    this.#fragments = fragments;
    this.#type = type;
  }

  collect(source: SelectionSource): void {
    for (const node of source.selectionSet.selections) {
      const own = inclusionOf(node, this.#fragments.conditions);
      if (own === 'never') continue;
      const conditional = source.conditional || own === 'conditional';
      switch (node.kind) {
        case Kind.FIELD:
          this.#add(node, conditional);
          break;
        case Kind.INLINE_FRAGMENT:
          if (this.#applies(node.typeCondition?.name.value))
            this.collect({ selectionSet: node.selectionSet, conditional });
          break;
        case Kind.FRAGMENT_SPREAD: {
          const fragment = this.#fragments.byName.get(node.name.value);
          if (fragment === undefined || this.#spread.has(node.name.value)) break;
          if (!this.#applies(fragment.typeCondition.name.value)) break;
          this.#spread.add(node.name.value);
          this.collect({ selectionSet: fragment.selectionSet, conditional });
        }
      }
    }
  }

  #add(node: FieldNode, conditional: boolean): void {
    const key = node.alias?.value ?? node.name.value;
    const known = this.found.get(key);
    if (known === undefined) {
      this.found.set(key, { nodes: [node], conditional });
      return;
    }
    known.nodes.push(node);
    if (!conditional) known.conditional = false;
  }

  #applies(condition: string | undefined): boolean {
    if (condition === undefined || condition === this.#type.name) return true;
    const { schema } = this.#fragments;
    const conditional = schema.getType(condition);
    return isAbstractType(conditional) && schema.isSubType(conditional, this.#type);
  }
}

/** Whether a selection is there, by its `@skip` and `@include`. */
export function inclusionOf(
  { directives }: SelectionNode,
  conditions: Conditions,
): 'always' | 'conditional' | 'never' {
  let result: 'always' | 'conditional' = 'always';
  for (const { name, arguments: args } of directives ?? []) {
    if (name.value !== 'skip' && name.value !== 'include') continue;
    const value = args?.find((argument) => argument.name.value === 'if')?.value;
    const wanted = name.value === 'include';
    if (value?.kind === Kind.BOOLEAN && value.value !== wanted) return 'never';
    if (value?.kind !== Kind.VARIABLE) continue;
    if (conditions !== undefined && conditions.get(value.name.value) !== wanted) return 'never';
    result = 'conditional';
  }
  return result;
}

export function identitiesOf(sources: readonly SelectionSource[]): readonly unknown[] {
  return sources.flatMap(({ selectionSet, conditional }) => [selectionSet, conditional]);
}

export function sourcesOf({ nodes, conditional }: CollectedField): readonly SelectionSource[] {
  return nodes.flatMap(({ selectionSet }) =>
    selectionSet === undefined ? [] : [{ selectionSet, conditional }],
  );
}

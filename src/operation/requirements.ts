/** What of an operation needs which callers: walked once per operation and combination of its conditions, before anything is called. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getOperationAST,
  isAbstractType,
  isObjectType,
  Kind,
} from 'graphql';
import { Identities } from '../execute/identities.ts';
import type { Rule } from '../load/auth-rule.ts';
import { type Conditions, collectFields, type Fragments, type SelectionSource } from '../plan/collect.ts';
import type { View } from '../views/view.ts';

export interface Requirement {
  /** `Type.field` of the view. */
  readonly coordinate: string;
  readonly rule: Rule;
  readonly nodes: readonly FieldNode[];
  /** It is the operation's own field. */
  readonly isRoot: boolean;
}

/** @param conditions undefined: whatever may be there is. @returns undefined when there is more than may be walked */
export function requirementsOf(
  view: View,
  document: DocumentNode,
  operationName: string | undefined,
  conditions: Conditions,
): readonly Requirement[] | undefined {
  const operation = getOperationAST(document, operationName);
  const root = operation ? view.schema.getRootType(operation.operation) : undefined;
  if (!operation || !root || view.rules === undefined) return [];
  const walker = new Walker(view, document, conditions);
  walker.walk(root, [{ selectionSet: operation.selectionSet, conditional: false }], true);
  return walker.visited > MAX_FIELDS ? undefined : [...walker.found.values()];
}

/** Counted for each type that may stand somewhere, as plans are, which have a tenth of it. */
const MAX_FIELDS = 100_000;

class Walker {
  readonly found = new Map<string, Requirement>();
  visited = 0;
  readonly #view: View;
  readonly #fragments: Fragments;
  readonly #identities = new Identities();
  /** By type and selection: a field of an interface is selected once, and stands in each of its types. */
  readonly #walked = new Set<string>();

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

  walk(type: GraphQLObjectType, sources: readonly SelectionSource[], isRoot: boolean): void {
    const id = this.#identities.keyOf([type, ...sources.map(({ selectionSet }) => selectionSet)]);
    if (this.#walked.has(id) || this.visited > MAX_FIELDS) return;
    this.#walked.add(id);
    for (const { nodes } of collectFields(this.#fragments, type, sources)) {
      this.visited++;
      const node = nodes[0]!;
      const field = type.getFields()[node.name.value];
      // Introspection, which needs nobody.
      if (field === undefined) continue;
      const rule = this.#view.rules?.ruleOf(type.name, node);
      if (rule !== undefined) this.#note(`${type.name}.${field.name}`, rule, nodes, isRoot);
      const below = nodes.flatMap(({ selectionSet }) =>
        selectionSet === undefined ? [] : [{ selectionSet, conditional: false }],
      );
      if (below.length === 0) continue;
      for (const concrete of this.#typesOf(field.type)) this.walk(concrete, below, false);
    }
  }

  #note(coordinate: string, rule: Rule, nodes: readonly FieldNode[], isRoot: boolean): void {
    const id = `${coordinate} ${rule.key}`;
    const known = this.found.get(id);
    if (known === undefined) this.found.set(id, { coordinate, rule, nodes, isRoot });
    else this.found.set(id, { ...known, nodes: [...new Set([...known.nodes, ...nodes])] });
  }

  #typesOf(type: GraphQLOutputType): readonly GraphQLObjectType[] {
    const named = getNamedType(type);
    if (isAbstractType(named)) return this.#view.schema.getPossibleTypes(named);
    return isObjectType(named) ? [named] : [];
  }
}

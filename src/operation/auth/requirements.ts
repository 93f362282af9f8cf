/** What an operation asks for, and of which callers: walked once per operation and combination of its conditions, before anything is called. */
import { type DocumentNode, type FieldNode, type GraphQLObjectType, getOperationAST } from 'graphql';
import { Identities } from '../../execute/identities.ts';
import type { Rule } from '../../load/directives/auth-rule.ts';
import {
  type Conditions,
  collectFields,
  type Fragments,
  fragmentsOf,
  objectTypesOf,
  type SelectionSource,
} from '../../plan/collect.ts';
import type { View } from '../../views/view.ts';
import { knowsPlans } from './grants.ts';

/** A field that an operation asks an object type for. */
export interface UsedField {
  /** `Type.field` of the view. */
  readonly coordinate: string;
  readonly nodes: readonly FieldNode[];
  /** It is the operation's own field. */
  readonly isRoot: boolean;
}

export interface Requirement extends UsedField {
  readonly rule: Rule;
}

export interface Uses {
  /** Each once; of a view without plans none. */
  readonly fields: readonly UsedField[];
  readonly requirements: readonly Requirement[];
}

/** @param conditions undefined: whatever may be there is. @returns undefined when there is more than may be walked */
export function usesOf(
  view: View,
  document: DocumentNode,
  operationName: string | undefined,
  conditions: Conditions,
): Uses | undefined {
  const operation = getOperationAST(document, operationName);
  const root = operation ? view.schema.getRootType(operation.operation) : undefined;
  if (!operation || !root) return { fields: [], requirements: [] };
  const walker = new Walker(view, document, conditions);
  walker.walk(root, [{ selectionSet: operation.selectionSet, conditional: false }], true);
  if (walker.visited > MAX_FIELDS) return undefined;
  return { fields: [...walker.fields.values()], requirements: [...walker.requirements.values()] };
}

/** Counted for each type that may stand somewhere, as plans are, which have a tenth of it. */
const MAX_FIELDS = 100_000;

class Walker {
  readonly fields = new Map<string, UsedField>();
  readonly requirements = new Map<string, Requirement>();
  visited = 0;
  readonly #view: View;
  readonly #withFields: boolean;
  readonly #fragments: Fragments;
  readonly #identities = new Identities();
  /** By type and selection: a field of an interface is selected once, and stands in each of its types. */
  readonly #walked = new Set<string>();

  constructor(view: View, document: DocumentNode, conditions: Conditions) {
    this.#view = view;
    this.#withFields = knowsPlans(view);
    this.#fragments = fragmentsOf(view.schema, document, conditions);
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
      const used = { coordinate: `${type.name}.${field.name}`, nodes, isRoot };
      if (rule !== undefined) note(this.requirements, `${used.coordinate} ${rule.key}`, { ...used, rule });
      if (this.#withFields) note(this.fields, used.coordinate, used);
      const below = nodes.flatMap(({ selectionSet }) =>
        selectionSet === undefined ? [] : [{ selectionSet, conditional: false }],
      );
      if (below.length === 0) continue;
      for (const concrete of objectTypesOf(this.#view.schema, field.type)) this.walk(concrete, below, false);
    }
  }
}

function note<Used extends UsedField>(found: Map<string, Used>, id: string, used: Used): void {
  const known = found.get(id);
  found.set(
    id,
    known === undefined ? used : { ...known, nodes: [...new Set([...known.nodes, ...used.nodes])] },
  );
}

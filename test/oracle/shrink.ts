/** Makes a failing case small: takes away one node after the other for as long as it stays valid and still fails. */
import {
  type ASTNode,
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  parse,
  print,
  specifiedRules,
  type ValidationRule,
  validate,
  visit,
} from 'graphql';
import type { Case } from './subject.ts';

const MAX_TRIES = 1500;
const REMOVABLE: ReadonlySet<string> = new Set([
  Kind.FIELD,
  Kind.INLINE_FRAGMENT,
  Kind.FRAGMENT_SPREAD,
  Kind.FRAGMENT_DEFINITION,
  Kind.DIRECTIVE,
  Kind.ARGUMENT,
  Kind.VARIABLE_DEFINITION,
  Kind.OBJECT_FIELD,
]);
const RULES: readonly ValidationRule[] = specifiedRules;

export async function shrink(
  schema: GraphQLSchema,
  one: Case,
  fails: (smaller: Case) => Promise<boolean>,
): Promise<Case> {
  let current = one;
  let tries = 0;
  const attempt = async (smaller: Case | undefined): Promise<boolean> => {
    if (smaller === undefined || tries++ > MAX_TRIES || !(await fails(smaller))) return false;
    current = smaller;
    return true;
  };
  const { faults: _faults, ...sound } = current;
  if (one.faults !== undefined) await attempt(sound);
  const { claims: _claims, ...anonymous } = current;
  if (one.claims !== undefined) await attempt(anonymous);
  const { again: _again, againAs: _againAs, ...once } = current;
  if (one.again !== undefined) await attempt(once);
  for (let shrunk = true; shrunk; ) {
    shrunk = false;
    for (const way of ['remove', 'unwrap'] as const) {
      // From the front: what is taken away there takes the most with it. After a success the same place holds the next node.
      for (let index = 0; index < removable(parse(current.document)).length && tries <= MAX_TRIES; )
        if (await attempt(without(schema, current, index, way))) shrunk = true;
        else index++;
    }
  }
  return current;
}

function removable(document: DocumentNode): readonly string[] {
  const kinds: string[] = [];
  visit(document, {
    enter(node: ASTNode) {
      if (REMOVABLE.has(node.kind)) kinds.push(node.kind);
    },
  });
  return kinds;
}

/** Undefined when nothing smaller and valid comes of it. */
function without(
  schema: GraphQLSchema,
  one: Case,
  target: number,
  way: 'remove' | 'unwrap',
): Case | undefined {
  const document = parse(one.document);
  const fragments = new Map(
    document.definitions
      .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  let index = 0;
  let smaller: DocumentNode = visit(document, {
    enter(node: ASTNode) {
      if (!REMOVABLE.has(node.kind) || index++ !== target) return undefined;
      if (way === 'remove') return null;
      switch (node.kind) {
        case Kind.FIELD: {
          const { alias: _alias, ...rest } = node;
          return rest;
        }
        case Kind.FRAGMENT_SPREAD: {
          const { typeCondition, selectionSet } = fragments.get(node.name.value)!;
          return { kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet, directives: node.directives };
        }
        case Kind.INLINE_FRAGMENT: {
          const { typeCondition: _typeCondition, ...rest } = node;
          return rest;
        }
      }
      return undefined;
    },
  });
  if (way === 'unwrap') smaller = flatten(smaller);
  let text: string;
  let parsed: DocumentNode;
  try {
    text = print(withoutUnused(smaller));
    parsed = parse(text);
  } catch {
    // Nothing was left of it.
    return undefined;
  }
  if (text === print(document)) return undefined;
  if (validate(schema, parsed, RULES).length > 0) return undefined;
  const declared = new Set<string>();
  visit(parsed, { VariableDefinition: ({ variable }) => void declared.add(variable.name.value) });
  const used = (values: Case['variables']) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => declared.has(name)));
  const again = one.again === undefined ? {} : { again: used(one.again) };
  return { ...one, document: text, variables: used(one.variables), ...again };
}

/** Inline fragments that say nothing become what they hold. */
function flatten(document: DocumentNode): DocumentNode {
  return visit(document, {
    SelectionSet: {
      leave: (node) => ({
        ...node,
        selections: node.selections.flatMap((one) =>
          one.kind === Kind.INLINE_FRAGMENT &&
          one.typeCondition === undefined &&
          (one.directives ?? []).length === 0
            ? one.selectionSet.selections
            : [one],
        ),
      }),
    },
  });
}

/** Fragments that nobody spreads and variables that nobody uses go with what used them; so do selections that became empty. */
function withoutUnused(document: DocumentNode): DocumentNode {
  const spread = new Set<string>();
  const used = new Set<string>();
  const pruned: DocumentNode = visit(document, {
    SelectionSet: { leave: (node) => (node.selections.length === 0 ? null : undefined) },
    InlineFragment: { leave: (node) => (node.selectionSet === null ? null : undefined) },
    Field: { leave: (node) => (node.selectionSet === null ? null : undefined) },
  });
  visit(pruned, {
    FragmentSpread: ({ name }) => void spread.add(name.value),
    VariableDefinition: () => false,
    Variable: ({ name }) => void used.add(name.value),
  });
  return visit(pruned, {
    FragmentDefinition: (node) => (spread.has(node.name.value) ? undefined : null),
    VariableDefinition: (node) => (used.has(node.variable.name.value) ? undefined : null),
  });
}

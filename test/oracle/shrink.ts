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

const MAX_TRIES = 600;
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
  for (let shrunk = true; shrunk && tries < MAX_TRIES; ) {
    shrunk = false;
    for (const smaller of candidates(schema, current)) {
      if (++tries > MAX_TRIES) break;
      if (!(await fails(smaller))) continue;
      current = smaller;
      shrunk = true;
      break;
    }
  }
  return current;
}

function* candidates(schema: GraphQLSchema, one: Case): Generator<Case> {
  if (one.faults !== undefined) {
    const { faults: _faults, ...rest } = one;
    yield rest;
  }
  if (one.claims !== undefined) {
    const { claims: _claims, ...rest } = one;
    yield rest;
  }
  const document = parse(one.document);
  for (const [index, kind] of removable(document).entries()) {
    for (const unwrap of kind === Kind.INLINE_FRAGMENT || kind === Kind.FIELD ? [false, true] : [false]) {
      const smaller = without(document, index, unwrap);
      if (smaller === undefined || validate(schema, smaller, RULES).length > 0) continue;
      const declared = new Set<string>();
      visit(smaller, { VariableDefinition: ({ variable }) => void declared.add(variable.name.value) });
      const variables = Object.fromEntries(
        Object.entries(one.variables).filter(([name]) => declared.has(name)),
      );
      yield { ...one, document: print(smaller), variables };
    }
  }
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

/** @param unwrap what is below an inline fragment stays; a field loses its alias */
function without(document: DocumentNode, target: number, unwrap: boolean): DocumentNode | undefined {
  let index = 0;
  const result = visit(document, {
    enter(node: ASTNode) {
      if (!REMOVABLE.has(node.kind) || index++ !== target) return undefined;
      if (!unwrap) return null;
      if (node.kind === Kind.FIELD) {
        const { alias: _alias, ...rest } = node;
        return rest;
      }
      return undefined;
    },
  }) as DocumentNode;
  const text = print(result);
  if (text === print(document)) return undefined;
  try {
    // Selections that became empty are no documents.
    return parse(text.replaceAll(/\{\s*\}(?!\s*[,)\]])/g, ''));
  } catch {
    return undefined;
  }
}

/** What an operation may be before anything is planned: counted as expanded, without expanding. */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { OperationLimits } from '../load/settings.ts';

export function tooLarge(what: string, found: number | string, allowed: number): GraphQLError {
  return new GraphQLError(`The operation has ${found} ${what}; at most ${allowed} are allowed.`, {
    extensions: { code: 'OPERATION_TOO_LARGE' },
  });
}

/** Brackets may nest a few times deeper than selections: arguments, lists and objects inside them. */
const BRACKETS_PER_LEVEL = 4;

/** Before parsing: the parser descends once per bracket, so nesting is bounded first. */
export function checkNesting(text: string, limits: OperationLimits): GraphQLError | undefined {
  const allowed = limits.depth * BRACKETS_PER_LEVEL + 20;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x5b || code === 0x28) {
      if (++depth > allowed) return tooLarge('levels of brackets', `more than ${allowed}`, allowed);
    } else if (code === 0x7d || code === 0x5d || code === 0x29) {
      depth--;
    }
  }
  return undefined;
}

interface Size {
  readonly fields: number;
  readonly depth: number;
}

/** After parsing, before validating. Cycles of fragments are left to validation. */
export function checkSize(document: DocumentNode, limits: OperationLimits): GraphQLError | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const sizes = new Map<string, Size | 'measuring'>();
  let directives = 0;

  const sizeOfFragment = (name: string): Size => {
    const known = sizes.get(name);
    const fragment = fragments.get(name);
    if (known === 'measuring' || fragment === undefined) return { fields: 0, depth: 0 };
    if (known !== undefined) return known;
    sizes.set(name, 'measuring');
    const size = sizeOf(fragment.selectionSet);
    sizes.set(name, size);
    return size;
  };
  const sizeOf = (selectionSet: SelectionSetNode): Size => {
    let fields = 0;
    let depth = 0;
    for (const node of selectionSet.selections) {
      directives += node.directives?.length ?? 0;
      let inner: Size = { fields: 0, depth: 0 };
      if (node.kind === Kind.FRAGMENT_SPREAD) inner = sizeOfFragment(node.name.value);
      else if (node.selectionSet !== undefined) inner = sizeOf(node.selectionSet);
      const own = node.kind === Kind.FIELD ? 1 : 0;
      fields += inner.fields + own;
      depth = Math.max(depth, inner.depth + own);
    }
    return { fields, depth };
  };

  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    directives += node.directives?.length ?? 0;
    const size = sizeOf(node.selectionSet);
    if (size.depth > limits.depth) return tooLarge('levels', size.depth, limits.depth);
    if (size.fields > limits.fields) return tooLarge('fields', size.fields, limits.fields);
    const roots = rootFields(node, fragments);
    if (roots > limits.rootFields) return tooLarge('root fields', roots, limits.rootFields);
  }
  // Fragments that no operation uses are still worked on by validation.
  for (const name of fragments.keys()) {
    const size = sizeOfFragment(name);
    if (size.fields > limits.fields) return tooLarge('fields', size.fields, limits.fields);
  }
  return directives > limits.directives ? tooLarge('directives', directives, limits.directives) : undefined;
}

function rootFields(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): number {
  const counts = new Map<string, number>();
  const count = (selectionSet: SelectionSetNode): number =>
    selectionSet.selections.reduce((sum, node) => {
      if (node.kind === Kind.FIELD) return sum + 1;
      if (node.kind === Kind.INLINE_FRAGMENT) return sum + count(node.selectionSet);
      const name = node.name.value;
      if (!counts.has(name)) {
        counts.set(name, 0);
        const fragment = fragments.get(name);
        counts.set(name, fragment === undefined ? 0 : count(fragment.selectionSet));
      }
      return sum + counts.get(name)!;
    }, 0);
  return count(operation.selectionSet);
}

/** Levels of lists and objects in variables, counted without recursion. */
export function checkVariables(variables: unknown, limits: OperationLimits): GraphQLError | undefined {
  let level: unknown[] = [variables];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.variablesDepth)
      return tooLarge('levels in its variables', `more than ${limits.variablesDepth}`, limits.variablesDepth);
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null && !(value instanceof Blob) ? Object.values(value) : [],
    );
  }
  return undefined;
}

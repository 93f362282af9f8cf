/** What an operation may be before anything is planned: counted as expanded, without expanding. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { OperationLimits } from '../load/settings/settings.ts';
import { isLong } from './long-numbers.ts';

export function tooLarge(what: string, found: number | string, allowed: number): GraphQLError {
  return new GraphQLError(`The operation has ${found} ${what}; at most ${allowed} are allowed.`, {
    extensions: { code: 'OPERATION_TOO_LARGE' },
  });
}

/** Brackets and selection sets may nest a few times deeper than fields: arguments, lists, objects, fragments between them. */
function nestingFor(depth: number): number {
  return Math.min(depth * 4 + 20, MAX_NESTING);
}

/** Whatever the limits say: what works on documents is recursive. */
const MAX_NESTING = 500;

/** Validation looks at every fragment once per operation that uses it. */
const MAX_OPERATIONS = 100;

/** Of a name or an alias: the answer repeats it with each object, and with each error below it. */
const MAX_NAME_CHARACTERS = 256;

/** Before parsing: the parser descends once per bracket, so nesting is bounded first. Directives are counted by their signs. */
export function checkText(text: string, limits: OperationLimits): GraphQLError | undefined {
  const allowed = nestingFor(limits.depth);
  let depth = 0;
  let directives = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text[index]) {
      case '{':
      case '[':
      case '(':
        if (++depth > allowed) return tooLarge('levels of brackets', `more than ${allowed}`, allowed);
        break;
      case '}':
      case ']':
      case ')':
        depth--;
        break;
      case '@':
        if (++directives > limits.directives)
          return tooLarge('directives', `more than ${limits.directives}`, limits.directives);
        break;
      case '"':
        index = endOfString(text, index);
        break;
      case '#':
        index = endOfLine(text, index);
        break;
      default: {
        const end = endOfName(text, index);
        if (end - index > MAX_NAME_CHARACTERS)
          return tooLarge('characters in a name', end - index, MAX_NAME_CHARACTERS);
        if (end > index) index = end - 1;
      }
    }
  }
  return undefined;
}

/** The index of a string's last character; of the text's when the string has no end. */
function endOfString(text: string, start: number): number {
  if (text.startsWith('"""', start)) {
    let end = text.indexOf('"""', start + 3);
    while (end !== -1 && text[end - 1] === '\\') end = text.indexOf('"""', end + 1);
    return end === -1 ? text.length : end + 2;
  }
  for (let index = start + 1; index < text.length; index++) {
    const character = text[index];
    if (character === '\\') index++;
    else if (character === '"' || character === '\n' || character === '\r') return index;
  }
  return text.length;
}

/** The index after a name; the same index where none begins. */
function endOfName(text: string, start: number): number {
  if (!isOfName(text.charCodeAt(start)) || isDigit(text.charCodeAt(start))) return start;
  let end = start + 1;
  while (isOfName(text.charCodeAt(end))) end++;
  return end;
}

/** Letters, digits and `_` (GraphQL, 2.1.9). */
function isOfName(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || isDigit(code);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function endOfLine(text: string, start: number): number {
  for (let index = start; index < text.length; index++)
    if (text[index] === '\n' || text[index] === '\r') return index;
  return text.length;
}

interface Size {
  /** Expanded. */
  readonly fields: number;
  readonly rootFields: number;
  /** Of fields. */
  readonly depth: number;
  /** Of selection sets: fields and fragments. */
  readonly nesting: number;
}

const NOTHING: Size = { fields: 0, rootFields: 0, depth: 0, nesting: 0 };
/** Of a fragment that is being counted. */
const UNDER_WAY: Size = { ...NOTHING };

/** Fragments lead back to themselves: there is no size to speak of, and nothing else should be looked for. */
export const CYCLE = Symbol('cycle');

/** After parsing, before validating. */
export function checkSize(
  document: DocumentNode,
  limits: OperationLimits,
): GraphQLError | typeof CYCLE | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const allowed = nestingFor(limits.depth);
  const sizes = new Map<string, Size>();
  let hasCycle = false;

  const sizeOfFragment = (name: string, level: number): Size => {
    const known = sizes.get(name);
    if (known === UNDER_WAY) hasCycle = true;
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    // What a cycle comes back to counts as nothing.
    sizes.set(name, UNDER_WAY);
    const size = fragment === undefined ? NOTHING : sizeOf(fragment.selectionSet, level);
    sizes.set(name, size);
    return size;
  };
  const sizeOf = (selectionSet: SelectionSetNode, level: number): Size => {
    let [fields, rootFields, depth, nesting] = [0, 0, 0, 0];
    // Too deep to look further; the sum below says so.
    if (level > allowed) return { ...NOTHING, nesting: 1 };
    for (const node of selectionSet.selections) {
      const inner =
        node.kind === Kind.FRAGMENT_SPREAD
          ? sizeOfFragment(node.name.value, level + 1)
          : node.selectionSet === undefined
            ? NOTHING
            : sizeOf(node.selectionSet, level + 1);
      const own = node.kind === Kind.FIELD ? 1 : 0;
      fields += inner.fields + own;
      rootFields += own === 1 ? 1 : inner.rootFields;
      depth = Math.max(depth, inner.depth + own);
      nesting = Math.max(nesting, inner.nesting);
    }
    return { fields, rootFields, depth, nesting: nesting + 1 };
  };

  let operations = 0;
  for (const node of document.definitions) {
    let size: Size | undefined;
    if (node.kind === Kind.OPERATION_DEFINITION) {
      if (++operations > MAX_OPERATIONS)
        return tooLarge('operations', `more than ${MAX_OPERATIONS}`, MAX_OPERATIONS);
      size = sizeOf(node.selectionSet, 1);
      if (size.rootFields > limits.rootFields)
        return tooLarge('root fields', size.rootFields, limits.rootFields);
    } else if (node.kind === Kind.FRAGMENT_DEFINITION) {
      // Also fragments that no operation uses are worked on by validation.
      size = sizeOfFragment(node.name.value, 1);
    }
    if (size === undefined) continue;
    if (size.depth > limits.depth) return tooLarge('levels', size.depth, limits.depth);
    if (size.nesting > allowed) return tooLarge('levels of fragments', `more than ${allowed}`, allowed);
    if (size.fields > limits.fields) return tooLarge('fields', size.fields, limits.fields);
  }
  return hasCycle ? CYCLE : undefined;
}

/** Validation compares all fields that answer under the same name, each with each. */
const MAX_COMPARISONS = 30_000;

/**
 * How much validation would compare, found by merging selections as execution does: each fragment once per object (GraphQL, 6.3.2), so
 * that it is linear in the expanded fields, which {@link checkSize} has bounded, and in the fragments.
 */
export function checkOverlaps(document: DocumentNode): GraphQLError | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  let comparisons = 0;

  const collect = (
    selectionSets: readonly SelectionSetNode[],
    groups: Map<string, FieldNode[]>,
    visited: Set<string>,
  ): void => {
    for (const { selections } of selectionSets) {
      for (const node of selections) {
        if (node.kind === Kind.FIELD) {
          const name = node.alias?.value ?? node.name.value;
          const group = groups.get(name);
          if (group === undefined) groups.set(name, [node]);
          else comparisons += group.push(node) - 1;
        } else if (node.kind === Kind.INLINE_FRAGMENT) {
          collect([node.selectionSet], groups, visited);
        } else {
          const name = node.name.value;
          const fragment = fragments.get(name);
          if (fragment === undefined || visited.has(name)) continue;
          visited.add(name);
          collect([fragment.selectionSet], groups, visited);
        }
      }
    }
  };
  const merge = (selectionSets: readonly SelectionSetNode[], level: number): void => {
    if (selectionSets.length === 0 || comparisons > MAX_COMPARISONS || level > MAX_NESTING) return;
    const groups = new Map<string, FieldNode[]>();
    collect(selectionSets, groups, new Set());
    for (const group of groups.values())
      merge(
        group.flatMap(({ selectionSet }) => selectionSet ?? []),
        level + 1,
      );
  };

  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    merge([node.selectionSet], 1);
    if (comparisons > MAX_COMPARISONS)
      return tooLarge(
        'fields of one name to compare',
        `more than ${MAX_COMPARISONS} pairs of`,
        MAX_COMPARISONS,
      );
  }
  return undefined;
}

/** Of one object. Messages about an object repeat its keys. */
const MAX_KEYS = 1000;
/** Each is coerced with all fields of its type, however few it has. */
const MAX_OBJECTS = 20_000;

/** There are numbers of which digits may be gone; whether that matters, their types say. */
export const LONG_NUMBERS = Symbol('long numbers');

/** Levels of lists and objects in variables and keys of objects, counted without recursion. */
export function checkVariables(
  variables: unknown,
  limits: OperationLimits,
): GraphQLError | typeof LONG_NUMBERS | undefined {
  const { variablesDepth } = limits;
  let hasLong = false;
  let level: object[] = isNested(variables) ? [variables] : [];
  let count = 0;
  for (let depth = 1; level.length > 0; depth++) {
    const next: object[] = [];
    count += level.length;
    if (count > MAX_OBJECTS)
      return tooLarge('objects and lists in its variables', `more than ${MAX_OBJECTS}`, MAX_OBJECTS);
    for (const value of level) {
      const inner: unknown[] = Object.values(value);
      if (inner.length > 0 && depth > variablesDepth)
        return tooLarge('levels in its variables', `more than ${variablesDepth}`, variablesDepth);
      if (inner.length > MAX_KEYS && !Array.isArray(value))
        return tooLarge('keys in an object of its variables', inner.length, MAX_KEYS);
      for (const one of inner) {
        if (isNested(one)) next.push(one);
        else if (typeof one === 'number' && isLong(one)) hasLong = true;
      }
    }
    level = next;
  }
  return hasLong ? LONG_NUMBERS : undefined;
}

/** Uploads are values of their own. */
function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Blob);
}

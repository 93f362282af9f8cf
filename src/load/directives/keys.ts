/** `@key`: by which fields an entity is known. */
import {
  type ConstDirectiveNode,
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import { didYouMean } from '../../problems.ts';
import type { Key } from '../model.ts';
import { type DirectiveReader, directivesOf } from './directive-reader.ts';

/** The text is parsed as a selection set: within "{ … }". */
const OPENING = '{ ';

/** All keys of a type; what is wrong with one is reported. */
export function readKeys(type: GraphQLNamedType, reader: DirectiveReader): readonly Key[] {
  return keyTexts(type).flatMap(({ node, text }) => readKey(type, node, text, reader));
}

/** First names of all key paths, read from the directives because keys of other types may not be built yet. */
export function keyNames(type: GraphQLNamedType): readonly string[] {
  return keyTexts(type).flatMap(({ text }) => text.replace(/\{[^}]*\}/g, ' ').match(/\w+/g) ?? []);
}

function keyTexts(type: GraphQLNamedType) {
  return directivesOf(type).flatMap((node) => {
    if (node.name.value !== 'key') return [];
    const value = node.arguments?.find(({ name }) => name.value === 'fields')?.value;
    return value?.kind === Kind.STRING ? [{ node, text: value.value }] : [];
  });
}

function readKey(
  type: GraphQLNamedType,
  node: ConstDirectiveNode,
  text: string,
  reader: DirectiveReader,
): Key[] {
  let selection: SelectionSetNode;
  try {
    const definition = parse(`${OPENING}${text} }`, { maxTokens: 1000 }).definitions[0]!;
    selection = (definition as { selectionSet: SelectionSetNode }).selectionSet;
  } catch {
    reader.report(
      node,
      {
        rule: 'key-syntax',
        message: 'The fields of @key are names, nested ones in braces.',
        found: JSON.stringify(text),
        expected: '"id" or "org { id } number"',
      },
      ['fields'],
    );
    return [];
  }
  const before = { usable: true };
  const paths = pathsOf(selection, type, (part, problem) => {
    before.usable = false;
    reader.report(node, problem, ['fields'], (part.loc?.start ?? OPENING.length) - OPENING.length);
  });
  return before.usable && paths.length > 0 ? [{ paths, text, place: reader.place(node) }] : [];
}

function pathsOf(
  selection: SelectionSetNode,
  type: GraphQLNamedType,
  report: (
    part: SelectionSetNode['selections'][number],
    problem: Parameters<DirectiveReader['report']>[1],
  ) => void,
): string[] {
  const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
  return selection.selections.flatMap((part): string[] => {
    if (part.kind !== Kind.FIELD) {
      report(part, { rule: 'key-syntax', message: 'The fields of @key are names, no fragments.' });
      return [];
    }
    const name = part.name.value;
    const field = fields[name];
    if (field === undefined) {
      report(part, {
        rule: 'key-unknown-field',
        message: `${type.name} has no field "${name}" to be a key.`,
        expected: Object.keys(fields).join(', '),
        hint: didYouMean(name, Object.keys(fields)),
      });
      return [];
    }
    if (isListType(getNullableType(field.type))) {
      report(part, {
        rule: 'key-list',
        message: `${type.name}.${name} is a list and cannot be part of a key.`,
        found: String(field.type),
      });
      return [];
    }
    const inner = getNamedType(field.type);
    const composite = isObjectType(inner) || isAbstractType(inner);
    if (composite !== (part.selectionSet !== undefined)) {
      report(part, {
        rule: 'key-selection',
        message: composite
          ? `${type.name}.${name} is an object: its key fields go in braces.`
          : `${type.name}.${name} is ${String(field.type)} and has no fields.`,
        expected: composite ? `"${name} { … }"` : `"${name}"`,
      });
      return [];
    }
    if (part.selectionSet === undefined) return [name];
    return pathsOf(part.selectionSet, inner, report).map((path) => `${name}.${path}`);
  });
}

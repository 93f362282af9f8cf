/** Field sets: `id org { id }`, the language of `@key` and `@requires`. */
import {
  type ConstDirectiveNode,
  GraphQLError,
  Kind,
  parse,
  type SelectionSetNode,
  type TypeNode,
} from 'graphql';
import { listDepth, namedTypeOf } from '../backend-schema.ts';
import type { SubgraphType } from './subgraph-types.ts';

export interface FieldSetNode {
  readonly name: string;
  /** The type that the field is declared on. */
  readonly typeName: string;
  readonly type: TypeNode;
  /** How many lists the field is of. */
  readonly lists: number;
  /** Empty for leaves. */
  readonly below: readonly FieldSetNode[];
}

/** Why a field set cannot be used; a sentence's end. */
export class FieldSetProblem extends Error {}

/** @throws {FieldSetProblem} */
export function parseFieldSet(
  text: string,
  typeName: string,
  types: ReadonlyMap<string, SubgraphType>,
): readonly FieldSetNode[] {
  let selection: SelectionSetNode;
  try {
    const definition = parse(`{ ${text} }`, { maxTokens: 1000, noLocation: true }).definitions[0];
    selection = (definition as { selectionSet: SelectionSetNode }).selectionSet;
  } catch (error) {
    if (error instanceof GraphQLError) throw new FieldSetProblem('is not a list of fields');
    throw error;
  }
  return readSelection(selection, typeName, types);
}

function readSelection(
  selection: SelectionSetNode,
  typeName: string,
  types: ReadonlyMap<string, SubgraphType>,
): readonly FieldSetNode[] {
  return selection.selections.map((part) => {
    if (part.kind !== Kind.FIELD) throw new FieldSetProblem('has a fragment, which Hem cannot do there');
    const name = part.name.value;
    if (part.alias !== undefined || (part.arguments ?? []).length > 0) {
      throw new FieldSetProblem(`has an alias or arguments at "${name}", which Hem cannot do there`);
    }
    const field = types.get(typeName)?.fields.find((candidate) => candidate.name.value === name);
    if (field === undefined) throw new FieldSetProblem(`names "${name}", which ${typeName} has not`);
    const below =
      part.selectionSet === undefined ? [] : readSelection(part.selectionSet, namedTypeOf(field.type), types);
    return { name, typeName, type: field.type, lists: listDepth(field.type), below };
  });
}

export interface Leaf {
  /** Names from the top down. */
  readonly path: readonly string[];
  readonly type: TypeNode;
}

export function leavesOf(nodes: readonly FieldSetNode[], above: readonly string[] = []): readonly Leaf[] {
  return nodes.flatMap(({ name, type, below }) => {
    const path = [...above, name];
    return below.length === 0 ? [{ path, type }] : leavesOf(below, path);
  });
}

/** `Type.field` of everything that a field set goes through. */
export function coordinatesOf(nodes: readonly FieldSetNode[]): readonly string[] {
  return nodes.flatMap(({ typeName, name, below }) => [`${typeName}.${name}`, ...coordinatesOf(below)]);
}

export function fieldSetText(directive: ConstDirectiveNode): string {
  const value = directive.arguments?.find(({ name }) => name.value === 'fields')?.value;
  return value?.kind === Kind.STRING ? value.value : '';
}

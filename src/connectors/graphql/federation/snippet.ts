/** Nodes made from pieces of SDL, placed where the thing stands that they were made for. */
import {
  type ConstDirectiveNode,
  type FieldDefinitionNode,
  type Location,
  type ObjectTypeDefinitionNode,
  parse,
} from 'graphql';

/** @param text fields as they stand between the braces of a type */
export function toFields(text: string, loc: Location | undefined): readonly FieldDefinitionNode[] {
  const definition = parse(`type T { ${text} }`, { noLocation: true })
    .definitions[0] as ObjectTypeDefinitionNode;
  return (definition.fields ?? []).map((field) => place(field, loc));
}

/** @param text one or more directives */
export function toDirectives(text: string, loc: Location | undefined): readonly ConstDirectiveNode[] {
  return toFields(`f: T ${text}`, loc)[0]!.directives ?? [];
}

/** A string as SDL writes it. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

function place<T>(node: T, loc: Location | undefined): T {
  if (Array.isArray(node)) return node.map((item) => place(item, loc)) as T;
  if (typeof node !== 'object' || node === null) return node;
  const placed = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, place(value, loc)]));
  return ('kind' in node ? { ...placed, loc } : placed) as T;
}

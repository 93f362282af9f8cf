/** A subgraph's types with their extensions merged in, for reading and for writing anew. */
import {
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type EnumValueDefinitionNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  isTypeDefinitionNode,
  isTypeExtensionNode,
  Kind,
  type NamedTypeNode,
  type TypeDefinitionNode,
} from 'graphql';
import { rootsOf } from '../backend-schema.ts';

/** A definition of any kind; the lists that its kind has not are empty. */
export interface SubgraphType {
  readonly name: string;
  readonly node: TypeDefinitionNode;
  readonly directives: readonly ConstDirectiveNode[];
  readonly interfaces: readonly NamedTypeNode[];
  /** Of objects and interfaces. */
  readonly fields: readonly FieldDefinitionNode[];
  readonly inputFields: readonly InputValueDefinitionNode[];
  readonly values: readonly EnumValueDefinitionNode[];
  readonly members: readonly NamedTypeNode[];
}

export const ROOT_NAMES = { query: 'Query', mutation: 'Mutation', subscription: 'Subscription' } as const;

/** Types by name. Root types get their usual names; `extend type` of a type that is not defined defines it. */
export function readSubgraphTypes(document: DocumentNode): ReadonlyMap<string, SubgraphType> {
  const renamed = new Map(
    Object.entries(rootsOf(document)).map(([operation, name]) => [
      name,
      ROOT_NAMES[operation as keyof typeof ROOT_NAMES],
    ]),
  );
  const types = new Map<string, SubgraphType>();
  // Definitions first: their descriptions and places are the type's.
  for (const isWanted of [isTypeDefinitionNode, isTypeExtensionNode]) {
    for (const node of document.definitions) {
      if (!isWanted(node)) continue;
      const name = renamed.get(node.name.value) ?? node.name.value;
      const read = readType(name, node);
      const earlier = types.get(name);
      types.set(name, earlier === undefined ? read : merge(earlier, read));
    }
  }
  return types;
}

/** The definition as it is now. */
export function writeType(type: SubgraphType): DefinitionNode {
  const { node, directives } = type;
  const name = { ...node.name, value: type.name };
  switch (node.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
      return { ...node, name, directives, interfaces: type.interfaces, fields: type.fields };
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return { ...node, name, directives, fields: type.inputFields };
    case Kind.ENUM_TYPE_DEFINITION:
      return { ...node, name, directives, values: type.values };
    case Kind.UNION_TYPE_DEFINITION:
      return { ...node, name, directives, types: type.members };
    case Kind.SCALAR_TYPE_DEFINITION:
      return { ...node, name, directives };
  }
}

function readType(
  name: string,
  node: DefinitionNode & { readonly name: TypeDefinitionNode['name'] },
): SubgraphType {
  const definition = { ...node, kind: node.kind.replace('Extension', 'Definition') } as TypeDefinitionNode;
  const isInput = definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION;
  return {
    name,
    node: definition,
    directives: definition.directives ?? [],
    interfaces: ('interfaces' in definition && definition.interfaces) || [],
    fields: (!isInput && 'fields' in definition && definition.fields) || [],
    inputFields: (isInput && definition.fields) || [],
    values: ('values' in definition && definition.values) || [],
    members: ('types' in definition && definition.types) || [],
  };
}

function merge(a: SubgraphType, b: SubgraphType): SubgraphType {
  return {
    ...a,
    directives: [...a.directives, ...b.directives],
    interfaces: [...a.interfaces, ...b.interfaces],
    fields: [...a.fields, ...b.fields],
    inputFields: [...a.inputFields, ...b.inputFields],
    values: [...a.values, ...b.values],
    members: [...a.members, ...b.members],
  };
}

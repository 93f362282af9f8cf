/** A GraphQL schema as far as bindings need it: which types, fields and arguments there are. Read from SDL without judging it. */
import {
  type DefinitionNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type InputValueDefinitionNode,
  Kind,
  type Location,
  type OperationTypeNode,
  type TypeNode,
} from 'graphql';

export interface BackendSchema {
  /** The file it was read from, relative to the connector's folder. */
  readonly file: string;
  readonly types: ReadonlyMap<string, BackendType>;
  /** Names of the root types. */
  readonly roots: Readonly<Record<OperationTypeNode, string>>;
}

export interface BackendType {
  readonly name: string;
  readonly kind: 'object' | 'interface' | 'union' | 'enum' | 'scalar' | 'input';
  /** Of objects, interfaces and inputs. */
  readonly fields: ReadonlyMap<string, BackendField>;
}

export interface BackendField {
  readonly name: string;
  readonly type: TypeNode;
  readonly args: ReadonlyMap<string, BackendArgument>;
  readonly directives: readonly string[];
  readonly loc: Location | undefined;
}

export interface BackendArgument {
  readonly name: string;
  readonly type: TypeNode;
  readonly hasDefault: boolean;
  readonly loc: Location | undefined;
}

const KINDS: Readonly<Record<string, BackendType['kind']>> = {
  Object: 'object',
  Interface: 'interface',
  Union: 'union',
  Enum: 'enum',
  Scalar: 'scalar',
  InputObject: 'input',
};

/** Definitions and extensions of a type become one. */
export function readBackendSchema(file: string, document: DocumentNode): BackendSchema {
  const types = new Map<string, BackendType & { fields: Map<string, BackendField> }>();
  for (const node of document.definitions) {
    const kind = KINDS[/^(.*)Type(?:Definition|Extension)$/.exec(node.kind)?.[1] ?? ''];
    if (kind === undefined || !('name' in node) || node.name === undefined) continue;
    const name = node.name.value;
    const type = types.get(name) ?? { name, kind, fields: new Map<string, BackendField>() };
    types.set(name, type);
    for (const field of fieldsOf(node)) type.fields.set(field.name.value, toField(field));
  }
  return { file, types, roots: rootsOf(document) };
}

/** The schema definition's names, or the usual ones. */
export function rootsOf(document: DocumentNode): Readonly<Record<OperationTypeNode, string>> {
  const roots = { query: 'Query', mutation: 'Mutation', subscription: 'Subscription' };
  for (const node of document.definitions) {
    if (node.kind !== Kind.SCHEMA_DEFINITION && node.kind !== Kind.SCHEMA_EXTENSION) continue;
    for (const { operation, type } of node.operationTypes ?? []) roots[operation] = type.name.value;
  }
  return roots;
}

/** The type without its outermost "!". */
export function nullable(type: TypeNode): Exclude<TypeNode, { kind: 'NonNullType' }> {
  return type.kind === Kind.NON_NULL_TYPE ? type.type : type;
}

export function namedTypeOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedTypeOf(type.type);
}

/** How many lists are around the named type. */
export function listDepth(type: TypeNode): number {
  if (type.kind === Kind.NAMED_TYPE) return 0;
  return listDepth(type.type) + (type.kind === Kind.LIST_TYPE ? 1 : 0);
}

export function isComposite(type: BackendType): boolean {
  return type.kind === 'object' || type.kind === 'interface' || type.kind === 'union';
}

function fieldsOf(node: DefinitionNode): ReadonlyArray<FieldDefinitionNode | InputValueDefinitionNode> {
  return 'fields' in node ? ((node.fields ?? []) as ReadonlyArray<FieldDefinitionNode>) : [];
}

function toField(node: FieldDefinitionNode | InputValueDefinitionNode): BackendField {
  const args = ('arguments' in node ? (node.arguments ?? []) : []).map(
    ({ name, type, defaultValue, loc }): [string, BackendArgument] => [
      name.value,
      { name: name.value, type, hasDefault: defaultValue !== undefined, loc },
    ],
  );
  return {
    name: node.name.value,
    type: node.type,
    args: new Map(args),
    directives: (node.directives ?? []).map(({ name }) => name.value),
    loc: node.name.loc,
  };
}

/** A connector's schema as stitching sees it: plain SDL without what is hidden, and one hidden root field per entity to enter by. */
import type { SubschemaConfig } from '@graphql-tools/delegate';
import {
  buildASTSchema,
  type ConstDirectiveNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  isObjectType,
  Kind,
  parse,
} from 'graphql';
import type { Connector, ConnectorField, ConnectorType, Key } from '../load/model.ts';

/** Root fields of this prefix exist only between stitching and its subschemas. */
const ENTRY = '_hem_';
const ENTRY_KEY = '_HemKey';
const PLAIN_DIRECTIVES = new Set(['deprecated', 'specifiedBy', 'oneOf']);

export function entryFieldOf(typeName: string): string {
  return `${ENTRY}${typeName}`;
}

/**
 * Takes the entries out of the stitched schema. Not by a transform of the subschemas: stitching would no longer know what type an
 * entry has, and would forget to ask for the keys of entities below it.
 */
export function hideEntries(schema: GraphQLSchema): void {
  const fields = schema.getQueryType()?.getFields() ?? {};
  for (const name of Object.keys(fields)) if (name.startsWith(ENTRY)) delete fields[name];
  delete schema.getTypeMap()[ENTRY_KEY];
}

/** @param shared names of types that more than one connector knows */
export function toSubschema(connector: Connector, shared: ReadonlySet<string>): SubschemaConfig {
  const entities = [...connector.types.values()].filter(
    (type) => isObjectType(type.type) && type.keys.length > 0 && shared.has(type.name),
  );
  const definitions = [...connector.types.values()].flatMap((type) => toDefinitions(connector, type));
  const entries = entities
    .map(({ name }) => `${entryFieldOf(name)}(keys: [${ENTRY_KEY}!]!): [${name}]!`)
    .join('\n');
  const hidden = parse(
    `scalar ${ENTRY_KEY} ${entries === '' ? '' : `${hasQuery(definitions) ? 'extend ' : ''}type Query { ${entries} }`}`,
  );
  const scalars = usedScalars(connector).map((name) => `scalar ${name}`);
  const document = {
    kind: Kind.DOCUMENT,
    definitions: [
      ...definitions,
      ...hidden.definitions,
      ...(scalars.length > 0 ? parse(scalars.join('\n')).definitions : []),
    ],
  } as const;
  const schema = buildASTSchema(document, { assumeValidSDL: true, assumeValid: true });
  return {
    schema,
    merge: Object.fromEntries(entities.map((type) => [type.name, toMergeConfig(type)])),
    batch: true,
  };
}

function hasQuery(definitions: readonly DefinitionNode[]): boolean {
  return definitions.some((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION && node.name.value === 'Query');
}

/** What a field @require-s is not stitching's affair: the subschema's own resolvers fetch it. */
function toMergeConfig(type: ConnectorType) {
  return {
    entryPoints: type.keys.map((key) => ({
      selectionSet: toSelectionSet(key.paths),
      fieldName: entryFieldOf(type.name),
      key: (original: Record<string, unknown>) => pick(original, key.paths),
      argsFromKeys: (keys: readonly unknown[]) => ({ keys }),
    })),
  };
}

/** "id", "org.id" → `{ id org { id } }` */
export function toSelectionSet(paths: Key['paths']): string {
  const tree = new Map<string, string[]>();
  for (const path of paths) {
    const [first = '', ...rest] = path.split('.');
    const below = tree.get(first) ?? [];
    if (rest.length > 0) below.push(rest.join('.'));
    tree.set(first, below);
  }
  return `{ ${[...tree].map(([name, below]) => (below.length === 0 ? name : `${name} ${toSelectionSet(below)}`)).join(' ')} }`;
}

function pick(value: unknown, paths: readonly string[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const path of paths) {
    const [first = '', ...rest] = path.split('.');
    const inner = (value as Record<string, unknown> | null | undefined)?.[first];
    if (inner === undefined) continue;
    if (rest.length === 0 || inner === null) result[first] = inner;
    else if (Array.isArray(inner))
      result[first] = inner.map((item) => (item === null ? null : pick(item, [rest.join('.')])));
    else result[first] = { ...(result[first] as object | undefined), ...pick(inner, [rest.join('.')]) };
  }
  return result;
}

function toDefinitions(connector: Connector, type: ConnectorType): DefinitionNode[] {
  if (type.internal) return [];
  const nodes = [type.type.astNode, ...type.type.extensionASTNodes].filter(
    (node) => node !== null && node !== undefined,
  );
  return nodes.flatMap((node): DefinitionNode[] => {
    const directives = plain(node.directives);
    if (!('fields' in node) || node.fields === undefined) {
      const values =
        'values' in node
          ? { values: node.values?.map((value) => ({ ...value, directives: plain(value.directives) })) }
          : {};
      return [{ ...node, ...values, directives } as DefinitionNode];
    }
    if (node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION || node.kind === Kind.INPUT_OBJECT_TYPE_EXTENSION) {
      return [
        {
          ...node,
          directives,
          fields: node.fields.map((field) => ({ ...field, directives: plain(field.directives) })),
        } as DefinitionNode,
      ];
    }
    const fields = (node.fields as readonly FieldDefinitionNode[])
      .filter((field) => !isHidden(connector, type.fields.get(field.name.value)))
      .map((field) => ({
        ...field,
        directives: plain(field.directives),
        arguments: field.arguments
          ?.filter((argument) => isVisible(type.fields.get(field.name.value), argument.name.value))
          .map((argument) => ({ ...argument, directives: plain(argument.directives) })),
      }));
    return fields.length === 0 ? [] : [{ ...node, directives, fields } as DefinitionNode];
  });
}

function isHidden(connector: Connector, field: ConnectorField | undefined): boolean {
  if (field === undefined || field.internal) return true;
  return connector.types.get(String(field.type).replace(/[[\]!]/g, ''))?.internal === true;
}

function isVisible(field: ConnectorField | undefined, argumentName: string): boolean {
  const argument = field?.args.find(({ name }) => name === argumentName);
  return argument !== undefined && argument.claim === undefined && argument.require === undefined;
}

function plain(directives: readonly ConstDirectiveNode[] | undefined): readonly ConstDirectiveNode[] {
  return (directives ?? []).filter(({ name }) => PLAIN_DIRECTIVES.has(name.value));
}

/** Hem's own scalars that the connector uses without declaring them. */
function usedScalars(connector: Connector): string[] {
  const schema: GraphQLSchema = connector.schema;
  return Object.values(schema.getTypeMap())
    .filter(
      (type) =>
        type.astNode?.kind === Kind.SCALAR_TYPE_DEFINITION &&
        type.astNode.loc?.source.name === '(definitions)' &&
        type.name !== 'FallbackValue',
    )
    .map(({ name }) => name);
}

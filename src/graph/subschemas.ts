/** A connector's schema as stitching sees it: its plain definitions, and one hidden root field per entity to enter by. */
import type { SubschemaConfig } from '@graphql-tools/delegate';
import { buildASTSchema, type DefinitionNode, type GraphQLSchema, isObjectType, Kind, parse } from 'graphql';
import type { Connector, ConnectorType, Key } from '../load/model.ts';
import { plainDefinitions } from './plain-definitions.ts';

/** Root fields of this prefix exist only between stitching and its subschemas. */
const ENTRY = '_hem_';
const ENTRY_KEY = '_HemKey';

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
  const definitions = plainDefinitions(connector);
  const entries = entities
    .map(({ name }) => `${entryFieldOf(name)}(keys: [${ENTRY_KEY}!]!): [${name}]!`)
    .join('\n');
  const hidden = parse(
    `scalar ${ENTRY_KEY} ${entries === '' ? '' : `${hasQuery(definitions) ? 'extend ' : ''}type Query { ${entries} }`}`,
  );
  const document = { kind: Kind.DOCUMENT, definitions: [...definitions, ...hidden.definitions] } as const;
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

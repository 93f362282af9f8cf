/** Fields of clients' schemas, and those that nobody used. */
import { type GraphQLSchema, isInterfaceType, isIntrospectionType, isObjectType } from 'graphql';
import type { UnusedField } from './usage-json.ts';
import type { UsageReport, UsageRequest } from './usage-report.ts';

export interface ClientSchema {
  readonly client: string;
  readonly schema: GraphQLSchema;
}

/** In the order of the schemas. An error of a field that no operation selected any more does not make it used. */
export function unusedFields(
  schemas: readonly ClientSchema[],
  { rows }: Pick<UsageReport, 'rows'>,
  { client: only, coordinate }: Pick<UsageRequest, 'client' | 'coordinate'>,
): readonly UnusedField[] {
  const used = new Set(
    rows.filter(({ count }) => count > 0).map((row) => `${row.client}\n${row.coordinate}`),
  );
  return schemas
    .filter(({ client }) => only === undefined || client === only)
    .flatMap(({ client, schema }) => fieldsOf(schema).map((field) => ({ client, ...field })))
    .filter(({ client, field }) => !used.has(`${client}\n${field}`))
    .filter(({ field }) => coordinate === undefined || field === coordinate);
}

/** `Type.field` of all fields. */
export function coordinatesOf({ schema }: ClientSchema): readonly string[] {
  return fieldsOf(schema).map(({ field }) => field);
}

function fieldsOf(schema: GraphQLSchema): ReadonlyArray<Omit<UnusedField, 'client'>> {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) || isInterfaceType(type))
    .filter((type) => !isIntrospectionType(type))
    .flatMap((type) =>
      Object.values(type.getFields()).map(({ name, deprecationReason }) => ({
        field: `${type.name}.${name}`,
        deprecated: deprecationReason !== undefined && deprecationReason !== null,
      })),
    );
}

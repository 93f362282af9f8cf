/**
 * Stitches the connectors' schemas into one that answers for the whole graph. Each subschema resolves within its own connector;
 * stitching does the joins. A second witness beside the engines, for data only.
 */
import { stitchSchemas } from '@graphql-tools/stitch';
import {
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isAbstractType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from 'graphql';
import { HemError } from '../errors.ts';
import type { Graph, Origin } from '../graph/graph.ts';
import { entryFieldOf, hideEntries, toSubschema } from '../graph/subschemas.ts';
import type { Connector } from '../load/model.ts';
import { equipScalars } from '../load/scalars.ts';
import type { Execution } from './execution.ts';
import { ObjectValue } from './object-value.ts';
import { type Resolved, resolveField, resolveRoot } from './resolve.ts';
import { plainNames, wantedBelow } from './view-selection.ts';
import { NOTHING, type WantedByType } from './wanted.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** An executable schema of the whole graph. The context value of an execution must be an {@link Execution}. */
export function stitchGraph(graph: Graph): GraphQLSchema {
  const shared = new Set(
    [...graph.types.values()].filter(({ sources }) => sources.length > 1).map(({ name }) => name),
  );
  const configs = new Map(graph.connectors.map((connector) => [connector, toSubschema(connector, shared)]));
  const schema = stitchSchemas({
    subschemas: [...configs.values()],
    mergeTypes: true,
    mergeDirectives: false,
    assumeValid: true,
  });
  hideEntries(schema);
  equipScalars(schema);
  for (const [connector, config] of configs) installResolvers(connector, config.schema);
  return schema;
}

function installResolvers(connector: Connector, schema: GraphQLSchema): void {
  equipScalars(schema);
  const names = plainNames(schema);
  const wanted = (execution: Execution, info: GraphQLResolveInfo) =>
    execution.graph.selective ? wantedBelow(execution, names, info) : NOTHING;
  for (const type of Object.values(schema.getTypeMap())) {
    // They are the same objects in every schema of the process.
    if (isIntrospectionType(type)) continue;
    if (isAbstractType(type)) type.resolveType = (value: ObjectValue) => value.typeName;
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (type.name === 'Query' || type.name === 'Mutation') {
        field.resolve = (_source: unknown, args: Arguments, execution: Execution, info) =>
          finish(resolveRoot(execution, type.name, field.name, args, wanted(execution, info)));
      } else if (type.name !== 'Subscription') {
        field.resolve = (object: ObjectValue, args: Arguments, execution: Execution, info) =>
          finish(resolveField(execution, object, field.name, args, wanted(execution, info)));
      }
    }
  }
  installEntries(connector, schema.getQueryType() ?? undefined, wanted);
}

/** The hidden root fields by which stitching enters a connector with the keys of entities: of each only the key is known. */
function installEntries(
  connector: Connector,
  query: GraphQLObjectType | undefined,
  wanted: (execution: Execution, info: GraphQLResolveInfo) => WantedByType,
): void {
  const fields = query?.getFields() ?? {};
  for (const { name } of connector.types.values()) {
    const field = fields[entryFieldOf(name)];
    if (field === undefined) continue;
    const originOf = rememberOrigins(connector);
    field.resolve = (
      _source: unknown,
      { keys }: { readonly keys: ReadonlyArray<Record<string, unknown>> },
      execution: Execution,
      info,
    ) => keys.map((key) => new ObjectValue(name, originOf(Object.keys(key)), key, wanted(execution, info)));
  }
}

/** One origin per set of key fields: what is known of how fields are had is remembered by origin. */
function rememberOrigins(connector: Connector): (fields: readonly string[]) => Origin {
  const origins = new Map<string, Origin>();
  return (fields) => {
    const id = [...fields].sort().join(' ');
    const origin = origins.get(id) ?? { connector, only: new Set(fields) };
    origins.set(id, origin);
    return origin;
  };
}

async function finish(resolving: Promise<Resolved>): Promise<unknown> {
  const { value } = await resolving;
  if (value instanceof HemError) throw value;
  return value;
}

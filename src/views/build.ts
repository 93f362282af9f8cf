/** Checks a client's schema against the graph and decides everything about its names and shapes. */
import {
  type GraphQLNamedType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import type { Graph } from '../graph/graph.ts';
import type { LoadedClient } from '../load/client.ts';
import { DirectiveReader } from '../load/directives/directive-reader.ts';
import { VIEW_DIRECTIVES } from '../load/directives/directives.ts';
import { checkSdl, placeOf } from '../load/sdl.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import type { Problems } from '../problems.ts';
import { buildCaching } from './cache-hints.ts';
import { ViewContext } from './context.ts';
import { buildCosts } from './costs.ts';
import { checkField } from './fields.ts';
import { checkFromArguments } from './from-arguments.ts';
import { checkCallers } from './needed-callers.ts';
import { toPublicSchema } from './public-schema.ts';
import { buildRules } from './rules.ts';
import { buildTags } from './tags.ts';
import { checkInput, checkType, enumValues, possibleTypes } from './type-checks.ts';
import type { View, ViewField, ViewType } from './view.ts';

/** Undefined after reporting problems. */
export function buildView(
  loaded: LoadedClient,
  { graph, plans }: { readonly graph: Graph; readonly plans: ReadonlyMap<string, PlanSettings> | undefined },
  problems: Problems,
): View | undefined {
  const { document, ...client } = loaded;
  const { file } = client;
  const before = problems.count;
  const sdl = checkSdl(file, document, VIEW_DIRECTIVES, problems);
  if (sdl === undefined) return undefined;
  for (const name of sdl.extended) {
    problems.report({
      rule: 'view-extension',
      at: placeOf(sdl.schema.getType(name)?.astNode?.loc, file),
      message: `"extend type ${name}" extends nothing in this schema.`,
      hint: `write "type ${name}"`,
    });
  }
  const types = Object.values(sdl.schema.getTypeMap()).filter(
    (type) =>
      !isIntrospectionType(type) && !isSpecifiedScalarType(type) && type.astNode?.loc?.source.name === file,
  );
  const context = new ViewContext(types, graph, { file, problems });
  checkFromArguments(document, context);
  const built = new Map(
    types.flatMap((type) =>
      checkType(context, type) ? [[type.name, toViewType(context, type)] as const] : [],
    ),
  );
  if (!sdl.schema.getQueryType()) {
    problems.report({
      rule: 'view-query',
      at: { file, line: 1, column: 1 },
      message: 'A schema needs a type Query.',
    });
  }
  const described = { schema: sdl.schema, types: built, graph, file, problems };
  const rules = buildRules(described);
  const tags = buildTags(described);
  const costs = buildCosts({ ...described, client: client.name });
  const caching = buildCaching({
    context,
    reader: new DirectiveReader(sdl.schema, file, problems),
    built,
    defaultMaxAgeMs: client.settings.cache?.defaultMaxAge ?? 0,
  });
  if (problems.count > before) return undefined;
  checkCallers({ rules, schema: sdl.schema, types: built }, { graph, plans }, client, problems);
  const schema = toPublicSchema(sdl.schema, graph, built, file);
  return { client, types: built, schema, rules, tags, costs, caching };
}

function toViewType(context: ViewContext, type: GraphQLNamedType): ViewType {
  const graphName = context.graphNameOf(type.name);
  const fields = new Map<string, ViewField>();
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      const built = checkField(context, graphName, type.name, field);
      if (built !== undefined) fields.set(field.name, built);
    }
  }
  if (isInputObjectType(type)) checkInput(context, graphName, type);
  return {
    name: type.name,
    graphName,
    fields,
    possible: possibleTypes(context, type),
    enumToView: enumValues(context, graphName, type),
  };
}

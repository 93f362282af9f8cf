/** Whether anybody can see what a view shows: rules are for callers who are known, and client.yml says how they become known. */
import { type GraphQLField, getNamedType, isObjectType } from 'graphql';
import type { Graph } from '../graph/graph.ts';
import type { Client } from '../load/client.ts';
import type { ConnectorField } from '../load/model.ts';
import { placeOf } from '../load/sdl.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { rootOf } from '../mapping/values.ts';
import { namesOf, type Problems } from '../problems.ts';
import { lockedArguments, MAX_NAMED, placeOfField } from './context.ts';
import { checkScopes } from './reachable-scopes.ts';
import type { View, ViewType } from './view.ts';

/** @param view with the schema as its file says it @param plans undefined where there are none that could be read */
export function checkCallers(
  view: Pick<View, 'rules' | 'schema' | 'types'>,
  { graph, plans }: { readonly graph: Graph; readonly plans: ReadonlyMap<string, PlanSettings> | undefined },
  client: Client,
  problems: Problems,
): void {
  checkRules(view, client, problems);
  checkScopes(view, plans, client, problems);
  if (client.auth?.jwt === undefined) checkClaims(view, graph, client, problems);
}

function checkRules(
  { rules, schema }: Pick<View, 'rules' | 'schema'>,
  client: Client,
  problems: Problems,
): void {
  const { auth } = client;
  if (auth?.jwt !== undefined || auth?.keys !== undefined || auth?.certificates !== undefined) return;
  const hidden = [...(rules?.fields.keys() ?? [])];
  if (hidden.length === 0) return;
  problems.report({
    rule: 'auth-unreachable',
    at: placeOfField(schema, hidden[0]!, client.file),
    message: `Nobody can see ${namesOf(hidden, MAX_NAMED)}: it takes a known caller, and this client knows none.`,
    expected: `"auth: { jwt: { issuers: [ … ] } }" or "auth: { keys: {} }" in clients/${client.name}/client.yml`,
    hint: 'or leave it out of this schema',
  });
}

/** Claims are of tokens: without them, what cannot do without a claim is refused to everybody. */
function checkClaims(
  { schema, types }: Pick<View, 'schema' | 'types'>,
  graph: Graph,
  client: Client,
  problems: Problems,
): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const viewType = types.get(type.name);
    if (!isObjectType(type) || viewType === undefined) continue;
    for (const field of Object.values(type.getFields())) {
      const [claim] = [...claimsLocked(field), ...claimsOnTheWay(viewType, field.name, graph)];
      if (claim === undefined) continue;
      problems.report({
        rule: 'claim-unreachable',
        at: placeOf(field.astNode?.name.loc, client.file),
        message: `${type.name}.${field.name} needs the claim "${claim}" of a token, and this client takes none: everybody would be refused.`,
        expected: `"auth: { jwt: { issuers: [ … ] } }" in clients/${client.name}/client.yml`,
        hint: 'or leave it out of this schema; a "?" after the claim says that callers may lack it',
      });
    }
  }
}

/** What the view's own literal takes from claims. */
function claimsLocked(field: GraphQLField<unknown, unknown>): readonly string[] {
  const references = lockedArguments(field)?.references ?? [];
  return references.flatMap((reference) =>
    reference.source === 'claims' && !reference.optional ? [rootOf(reference)] : [],
  );
}

/** What the graph's fields along the path need, whichever connector is asked. */
function claimsOnTheWay({ graphName, fields }: ViewType, name: string, graph: Graph): readonly string[] {
  const needed: string[] = [];
  let owner = graphName;
  for (const step of fields.get(name)?.steps ?? []) {
    const sources = graph.types.get(owner)?.fields.get(step)?.sources ?? [];
    const claims = sources.map(claimsOf);
    if (claims.every((each) => each.length > 0)) needed.push(...claims.flat());
    const [first] = sources;
    owner = first === undefined ? '' : getNamedType(first.type).name;
  }
  return needed;
}

function claimsOf({ source, args }: ConnectorField): readonly string[] {
  return [
    ...(source.via === 'call' ? source.neededClaims : []),
    ...args.flatMap(({ claim }) => (claim === undefined || claim.optional ? [] : [claim.name])),
  ];
}

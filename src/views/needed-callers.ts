/** Whether anybody can see what a view shows: rules are for callers who are known, and client.yml says how they become known. */
import { isObjectType } from 'graphql';
import type { Client } from '../load/client.ts';
import { placeOf } from '../load/sdl.ts';
import type { Problems } from '../problems.ts';
import type { View } from './view.ts';

/** Named in the report at most. */
const MAX_NAMED = 5;

/** @param view with the schema as its file says it */
export function checkCallers(view: Pick<View, 'rules' | 'schema'>, client: Client, problems: Problems): void {
  const { auth } = client;
  if (view.rules === undefined) return;
  if (auth?.jwt !== undefined || auth?.keys !== undefined || auth?.certificates !== undefined) return;
  const hidden = view.rules.fields;
  const [first] = hidden;
  if (first === undefined) return;
  const [typeName = '', fieldName = ''] = first.split('.');
  const type = view.schema.getType(typeName);
  const named = hidden.slice(0, MAX_NAMED).join(', ');
  problems.report({
    rule: 'auth-unreachable',
    at: placeOf(isObjectType(type) ? type.getFields()[fieldName]?.astNode?.name.loc : undefined, client.file),
    message: `Nobody can see ${named}${hidden.length > MAX_NAMED ? ` and ${hidden.length - MAX_NAMED} more` : ''}: it takes a known caller, and this client knows none.`,
    expected: `"auth: { jwt: { issuers: [ … ] } }" or "auth: { keys: {} }" in clients/${client.name}/client.yml`,
    hint: 'or leave it out of this schema',
  });
}

/** What callers are told of operations that ask for more than they may see. */
import { type DocumentNode, type FieldNode, GraphQLError, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { ERRORS } from '../../errors.ts';
import { waysIn } from '../../principal/failures.ts';
import { namesOf } from '../../problems.ts';
import { isOfGoneType } from '../../views/denied-fields.ts';
import type { View } from '../../views/view.ts';
import type { Grant } from './grants.ts';
import type { Requirement, UsedField } from './requirements.ts';

/** Named in one refusal. */
const MAX_NAMED = 100;

type Code = 'UNAUTHENTICATED' | 'FORBIDDEN';

/** What was denied of one operation. */
export interface Refused {
  readonly document: DocumentNode;
  /** Of rules that were not met. */
  readonly code: Code;
  readonly denied: readonly Requirement[];
  readonly ungranted: readonly UsedField[];
  readonly grant: Grant | undefined;
}

/** What no plan grants comes first: against that, no token helps. */
export function refusal(
  { document, code, denied, ungranted: found, grant }: Refused,
  view: View,
): GraphQLError {
  const { client } = view;
  const plan = grant?.plan.name;
  const ungranted = asAsked(found, grant, { document, view });
  const all = [
    ...ungranted.map((field) => ({ field, named: { coordinate: field.coordinate, plan } })),
    ...denied.map((field) => ({ field, named: { coordinate: field.coordinate, scopes: field.rule.scopes } })),
  ];
  const texts = [
    ...(ungranted.length === 0
      ? []
      : [
          `The plan "${plan}" does not grant ${coordinatesOf(ungranted)}. To go on, leave that out, or call under another plan.`,
        ]),
    ...(denied.length === 0
      ? []
      : [
          `${ERRORS[code].text.replace(/\.$/, '')}: ${coordinatesOf(denied)}. To go on, ${adviceOf(code, client)}.`,
        ]),
  ];
  return new GraphQLError(texts.join(' '), {
    nodes: all.slice(0, MAX_NAMED).flatMap(({ field }) => field.nodes.slice(0, 1)),
    extensions: {
      code: ungranted.length > 0 ? 'FORBIDDEN' : code,
      denied: all.slice(0, MAX_NAMED).map(({ named }) => named),
      ...(all.length > MAX_NAMED ? { deniedCount: all.length } : {}),
    },
  });
}

/** Each once. Of types that the plan takes away callers read what they have asked for themselves, not which of them there are. */
function asAsked(
  fields: readonly UsedField[],
  grant: Grant | undefined,
  operation: { readonly document: DocumentNode; readonly view: View },
): readonly UsedField[] {
  const isGone = ({ coordinate }: UsedField) => grant !== undefined && isOfGoneType(grant.denied, coordinate);
  if (!fields.some(isGone)) return fields;
  const asked = coordinatesIn(operation);
  const named = fields.map((field) =>
    isGone(field) ? { ...field, coordinate: asked.get(field.nodes[0]!) ?? field.coordinate } : field,
  );
  return [...new Map(named.map((field) => [field.coordinate, field])).values()];
}

/** Of every field of a document: with the type that it is asked of there, which may be an interface. */
function coordinatesIn({
  document,
  view: { schema },
}: {
  readonly document: DocumentNode;
  readonly view: View;
}): ReadonlyMap<FieldNode, string> {
  const found = new Map<FieldNode, string>();
  const types = new TypeInfo(schema);
  const Field = (node: FieldNode): void => {
    found.set(node, `${types.getParentType()?.name}.${node.name.value}`);
  };
  visit(document, visitWithTypeInfo(types, { Field }));
  return found;
}

function coordinatesOf(fields: readonly UsedField[]): string {
  return namesOf([...new Set(fields.map(({ coordinate }) => coordinate))], 10);
}

function adviceOf(code: Code, { auth }: View['client']): string {
  if (code === 'UNAUTHENTICATED')
    return `send ${auth === undefined ? 'credentials' : waysIn(auth)}, or ask without them`;
  return `send ${auth?.jwt === undefined ? 'a key of a plan' : 'a token'} with the scopes they need, or ask without them`;
}

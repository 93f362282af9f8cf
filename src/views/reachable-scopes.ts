/** Whether anybody can have the scopes that a view asks for. Tokens may have any; without them scopes come from plans and certificates. */

import type { Client } from '../load/client.ts';
import { describeScopes, isMetBy, type Rule } from '../load/directives/auth-rule.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { didYouMean, namesOf, type Problems } from '../problems.ts';
import { MAX_NAMED, placeOfField } from './context.ts';
import type { View } from './view.ts';

/** @param plans undefined where there are none that could be read */
export function checkScopes(
  { rules, schema }: Pick<View, 'rules' | 'schema'>,
  plans: ReadonlyMap<string, PlanSettings> | undefined,
  { auth, name, file }: Client,
  problems: Problems,
): void {
  if (rules === undefined || auth === undefined || auth.jwt !== undefined) return;
  // Of keys without plans it is reported that there are none.
  if (auth.keys !== undefined && plans === undefined) return;
  const ofCertificates = (auth.certificates?.scopes ?? []).flatMap(({ scopes }) => scopes);
  const granting = [...(plans ?? [])].filter(([, { clients }]) => clients.includes(name));
  const callers = [[], ...granting.map(([, plan]) => plan.scopes)].map(
    (scopes) => new Set([...scopes, ...ofCertificates]),
  );
  const unmet = [...rules.fields].filter(([, rule]) => !callers.some((own) => isMetBy(own, rule)));
  const all = [...new Set(callers.flatMap((own) => [...own]))].sort();
  for (const fields of Map.groupBy(unmet, ([, { key }]) => key).values()) {
    const [first, { scopes }] = fields[0] as readonly [string, Rule];
    const coordinates = fields.map(([coordinate]) => coordinate);
    const lacking = scopes.flat(2).find((scope) => !all.includes(scope));
    problems.report({
      rule: 'scope-unreachable',
      at: placeOfField(schema, first, file),
      message: `Nobody can see ${namesOf(coordinates, MAX_NAMED)}: no caller of "${name}" can have ${describeScopes(scopes)}.`,
      found: all.length === 0 ? 'no scopes at all' : all.join(', '),
      hint:
        (lacking === undefined ? undefined : didYouMean(lacking, all)) ??
        'give them to a plan that grants the client, or to certificates, or let it take tokens ("auth: { jwt: … }")',
    });
  }
}

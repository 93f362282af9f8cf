/** Whether anybody can have the scopes that a view asks for. Tokens may have any; without them scopes come from plans and certificates. */
import { type Alternatives, describeScopes } from '../load/auth-rule.ts';
import type { PlanSettings } from '../load/plan-settings.ts';
import { didYouMean, type Problems } from '../problems.ts';
import type { RuledField } from './rules.ts';
import type { View } from './view.ts';

/** Named in one report at most. */
const MAX_NAMED = 5;

/** @param plans undefined where there are none that could be read */
export function checkScopes(
  { client, rules }: View,
  plans: ReadonlyMap<string, PlanSettings> | undefined,
  problems: Problems,
): void {
  const { auth, name } = client;
  if (rules === undefined || auth === undefined || auth.jwt !== undefined) return;
  // Of keys without plans it is reported that there are none.
  if (auth.keys !== undefined && plans === undefined) return;
  const ofCertificates = (auth.certificates?.scopes ?? []).flatMap(({ scopes }) => scopes);
  const granting = [...(plans ?? [])].filter(([, { clients }]) => clients.includes(name));
  const callers = [[], ...granting.map(([, plan]) => plan.scopes)].map(
    (scopes) => new Set([...scopes, ...ofCertificates]),
  );
  const unreachable = new Map<string, RuledField[]>();
  for (const field of rules.fields) {
    const { rule } = field;
    if (callers.some((own) => rule.scopes.every((needed) => isMetBy(needed, own)))) continue;
    unreachable.set(rule.key, [...(unreachable.get(rule.key) ?? []), field]);
  }
  const all = [...new Set(callers.flatMap((own) => [...own]))].sort();
  for (const fields of unreachable.values()) {
    const { rule, place } = fields[0]!;
    const named = fields.slice(0, MAX_NAMED).map(({ coordinate }) => coordinate);
    const rest = fields.length > MAX_NAMED ? ` and ${fields.length - MAX_NAMED} more` : '';
    const lacking = rule.scopes.flat(2).find((scope) => !all.includes(scope));
    problems.report({
      rule: 'scope-unreachable',
      at: place,
      message: `Nobody can see ${named.join(', ')}${rest}: no caller of "${name}" can have ${describeScopes(rule.scopes)}.`,
      found: all.length === 0 ? 'no scopes at all' : all.join(', '),
      hint:
        (lacking === undefined ? undefined : didYouMean(lacking, all)) ??
        'give them to a plan that grants the client, or to certificates, or let it take tokens ("auth: { jwt: … }")',
    });
  }
}

function isMetBy(alternatives: Alternatives, own: ReadonlySet<string>): boolean {
  return alternatives.some((scopes) => scopes.every((scope) => own.has(scope)));
}

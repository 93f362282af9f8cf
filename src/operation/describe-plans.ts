/** What becomes of an operation under each usage plan that grants its client, for people who look at how it is executed. */
import type { DocumentNode } from 'graphql';
import { toLimits } from '../limits/limit.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { deniedFields } from '../views/denied-fields.ts';
import type { View } from '../views/view.ts';
import { usesOf } from './auth/requirements.ts';
import { ungrantedOf } from './auth/ungranted.ts';
import { type DescribedLimit, describeLimit, limitInWords } from './cost/describe-cost.ts';

/** The form is documented in `docs/query-plan.md`; programs read it. */
export interface PlanDescription {
  readonly plan: string;
  /** Fields that the plan does not grant, and for which the operation is refused, or they are null. */
  readonly denied: readonly string[];
  /** Besides those that everybody draws on. */
  readonly limits: readonly DescribedLimit[];
}

/** @param cost what the operation costs at most */
export function describePlans(
  view: View,
  document: DocumentNode,
  {
    name,
    plans,
    cost,
  }: {
    readonly name: string | undefined;
    readonly plans: ReadonlyMap<string, PlanSettings>;
    readonly cost: number;
  },
): readonly PlanDescription[] {
  const fields = usesOf(view, document, name, undefined)?.fields ?? [];
  return [...plans]
    .filter(([, { clients }]) => clients.includes(view.client.name))
    .map(([plan, settings]) => ({
      plan,
      denied: ungrantedOf(fields, deniedFields(view, settings.fields)).refused.map(
        ({ coordinate }) => coordinate,
      ),
      limits: toLimits(settings.limits, '')
        .map((limit) => describeLimit(limit, limit.unit === 'cost' ? cost : 1))
        .filter(({ amount }) => amount > 0),
    }));
}

/** As sentences. */
export function planInWords({ plan, denied, limits }: PlanDescription): readonly string[] {
  const under = `Under the plan ${plan}`;
  if (denied.length > 0) return [`${under} it may not ask for ${denied.join(', ')}.`];
  if (limits.length === 0) return [`${under} it is granted, without limits of the plan.`];
  return limits.map((limit) => `${under} it ${limitInWords(limit)}`);
}

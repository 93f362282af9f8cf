/** What an operation costs and what it draws on, for people who look at its plan. */
import type { DocumentNode } from 'graphql';
import { type Limit, toLimitOfField, toLimits, toldApart } from '../../limits/limit.ts';
import type { HemSettings } from '../../load/settings/settings.ts';
import type { View } from '../../views/view.ts';
import { NO_VALUES } from './counted.ts';
import { costOf } from './operation-cost.ts';

/** The form is documented in `docs/query-plan.md`; programs read it. */
export interface CostDescription {
  readonly cost: DescribedCost;
  /** Those that everybody draws on; the plan of a key may add some. */
  readonly limits: readonly DescribedLimit[];
}

interface DescribedCost {
  /** Nothing is skipped, variables have their defaults, other lists are as long as they are taken to be. */
  readonly atMost: number;
  /** What the client allows; null for any. */
  readonly maximum: number | null;
  readonly lists: ReadonlyArray<{ readonly coordinate: string; readonly size: number }>;
}

export interface DescribedLimit {
  readonly name: string;
  readonly amount: number;
  /** How many of the operation all of the limit is enough for; null where it draws nothing. */
  readonly times: number | null;
  readonly by: Limit['by'];
  readonly of: string;
  readonly shadow: boolean;
}

/** Undefined where there is more than may be walked. */
export function describeCost(
  view: View,
  document: DocumentNode,
  { name, settings }: { readonly name: string | undefined; readonly settings: Pick<HemSettings, 'quotas'> },
): CostDescription | undefined {
  const operation = costOf(view, { document, operationName: name }, undefined);
  if (operation === undefined) return undefined;
  const given = operation.given({}, NO_VALUES);
  const atMost = operation.of(given);
  const { quotas, cost: ofClient } = view.client.settings;
  const limits = toldApart([
    ...toLimits(settings.quotas, 'hem'),
    ...toLimits(quotas, `client:${view.client.name}`),
  ]);
  return {
    cost: {
      atMost,
      maximum: ofClient.maximum ?? null,
      lists: operation.lists(given).map(({ field, size }) => ({ coordinate: field.coordinate, size })),
    },
    limits: [
      ...limits.map((limit) => describeLimit(limit, limit.unit === 'cost' ? atMost : 1)),
      ...operation.quotas.map((asked) => describeLimit(toLimitOfField(asked), asked.times)),
    ],
  };
}

/** As sentences. */
export function costInWords({ cost, limits }: CostDescription): readonly string[] {
  const { atMost, maximum, lists } = cost;
  const long =
    lists.length === 0
      ? ''
      : `, with ${lists.map((list) => `${list.size} of ${list.coordinate}`).join(', ')}`;
  const allowed = maximum === null ? '' : `; the client allows ${maximum}`;
  return [
    ...(atMost === 0 && maximum === null ? [] : [`It costs ${atMost} at most${long}${allowed}.`]),
    ...limits.map((limit) => `It ${limitInWords(limit)}`),
  ];
}

/** What stands after "It". */
export function limitInWords({ name, amount, times, by, of, shadow }: DescribedLimit): string {
  const enough = amount > 1 ? `, enough for ${times} of it` : '';
  return `draws ${amount} on ${name}${shadow ? ' (a shadow)' : ''}: ${of} by ${by}${enough}.`;
}

export function describeLimit({ shownName, by, text, shadow, rule }: Limit, amount: number): DescribedLimit {
  return {
    name: shownName,
    amount,
    times: amount > 0 ? Math.floor(rule.limit / amount) : null,
    by,
    of: text,
    shadow,
  };
}

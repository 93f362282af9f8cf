/**
 * What an operation costs, and which quotas it draws on: walked once per operation and combination of its conditions, then a sum over
 * the variables; a number where no variable counts.
 */
import { type GraphQLError, getOperationAST } from 'graphql';
import type { Operation } from '../../execute/engine.ts';
import { nameAmong, type Quota } from '../../load/directives/quota.ts';
import type { Conditions } from '../../plan/collect.ts';
import { compileVariables, NO_VARIABLES } from '../../plan/variables.ts';
import type { View } from '../../views/view.ts';
import { costOfAnswer } from './actual-cost.ts';
import { CostWalker } from './cost-walker.ts';
import {
  type CountedField,
  type CountedObject,
  type Given,
  MOST,
  NOTHING_GIVEN,
  sizeIn,
  type Values,
} from './counted.ts';

/**
 * What is denied is not asked for, so it costs nothing.
 * @param conditions undefined: whatever may be there is. @returns undefined when there is more than may be walked
 */
export function costOf(
  view: View,
  { document, operationName, denied }: Omit<Operation, 'variables' | 'trace'>,
  conditions: Conditions,
): OperationCost | undefined {
  const operation = getOperationAST(document, operationName) ?? undefined;
  const type = operation === undefined ? undefined : view.schema.getRootType(operation.operation);
  const walker = new CostWalker(view, document, { conditions, denied });
  const root = walker.walk(type ?? undefined, operation === undefined ? [] : [operation]);
  if (walker.isTooLarge) return undefined;
  const definitions = operation?.variableDefinitions ?? [];
  const coerce = compileVariables(view.schema, definitions, { hideSuggestions: true });
  return new OperationCost(walker, root, (variables) => {
    const outcome = coerce(variables);
    return 'values' in outcome ? outcome.values : undefined;
  });
}

export class OperationCost {
  /** How often each is drawn on, however many objects there are. */
  readonly quotas: readonly AskedQuota[];
  readonly #objects: readonly CountedObject[];
  readonly #root: CountedObject;
  readonly #required: CostWalker['required'];
  readonly #coerce: ((variables: Values) => Given['variables']) | undefined;
  /** What it always costs; undefined where variables count. */
  readonly constant: number | undefined;
  /** The objects that a value may be, the dearest first. */
  readonly #dearest: Float64Array;

  constructor(walker: CostWalker, root: CountedObject, coerce: (variables: Values) => Given['variables']) {
    this.#objects = walker.objects;
    this.#root = root;
    this.#required = walker.required;
    this.#coerce = walker.depends ? coerce : undefined;
    this.#dearest = sumsOf(walker.objects, NOTHING_GIVEN);
    this.constant = walker.depends ? undefined : whole(this.#dearest[root.index]!);
    const fields = walker.objects.flatMap((object) => object.fields);
    this.quotas = [...timesOf(walker.objects, root)].map(([quota, times]) => {
      const { coordinate, quotas } = fields.find((field) => field.quotas.includes(quota))!;
      return { quota, times, coordinate, shownName: nameAmong(quota, quotas, coordinate) };
    });
  }

  /** What of a request counts. */
  given(variables: Values, claims: Values): Given {
    return { variables: this.#coerce === undefined ? NO_VARIABLES : this.#coerce(variables), claims };
  }

  /** Whole, at most 2^53 - 1. */
  of(given: Given): number {
    return this.constant ?? whole(sumsOf(this.#objects, given)[this.#root.index]!);
  }

  /** What was answered. */
  ofAnswer(data: unknown, given: Given): number {
    return whole(costOfAnswer(data, this.#root, { given, dearest: this.#dearest }));
  }

  /** Why callers have to say more of the size of a list. */
  problem(given: Given): GraphQLError | undefined {
    for (const check of this.#required) {
      const problem = check(given);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** How long each list is taken to be, for people. */
  lists(given: Given): ReadonlyArray<{ readonly field: CountedField; readonly size: number }> {
    return this.#objects
      .toReversed()
      .flatMap(({ fields }) => fields.filter(({ isList }) => isList))
      .map((field) => ({ field, size: sizeIn(field, given) }));
  }
}

function whole(sum: number): number {
  return Math.min(MOST, Math.ceil(sum));
}

/** Objects stand after those that are below them, so one pass is enough however often they are used. */
function sumsOf(objects: readonly CountedObject[], given: Given): Float64Array {
  const sums = new Float64Array(objects.length);
  for (const { index, weight, fields } of objects) {
    let sum = weight;
    for (const field of fields) {
      let each = field.each;
      for (const object of field.objects) each = Math.max(each, sums[object.index]!);
      // Nothing times much is nothing.
      const below = each === 0 ? 0 : each * sizeIn(field, given);
      sum += field.weight + (field.argumentWeight?.(given) ?? 0) + below;
    }
    sums[index] = Math.min(sum, MOST);
  }
  return sums;
}

export interface AskedQuota {
  readonly quota: Quota;
  readonly times: number;
  /** What the operation asks for that leads to it, as its schema calls it: the caller knows of nothing else. */
  readonly coordinate: string;
  /** The same, and what tells it from other quotas of that field. */
  readonly shownName: string;
}

/** How often the operation asks for what a quota stands on, however many objects there are. */
function timesOf(objects: readonly CountedObject[], root: CountedObject): ReadonlyMap<Quota, number> {
  const all = new Map<CountedObject, Map<Quota, number>>();
  for (const object of objects) {
    const own = new Map<Quota, number>();
    for (const { objects: below, quotas } of object.fields) {
      for (const quota of quotas) own.set(quota, (own.get(quota) ?? 0) + 1);
      const dearest = new Map<Quota, number>();
      for (const one of below)
        for (const [quota, times] of all.get(one) ?? [])
          dearest.set(quota, Math.max(times, dearest.get(quota) ?? 0));
      for (const [quota, times] of dearest) own.set(quota, (own.get(quota) ?? 0) + times);
    }
    all.set(object, own);
  }
  return all.get(root) ?? new Map();
}

/** A rule made ready to count by. */
import { hash } from 'node:crypto';
import type { Demand, LimitRule } from '../limit-store.ts';
import { type Algorithm, algorithmOf } from './algorithm.ts';

export interface Meter {
  readonly rule: LimitRule;
  readonly algorithm: Algorithm;
  /** Names the rule in the store. A usage counted by another algorithm or window means nothing to this one. */
  readonly name: string;
}

const meters = new WeakMap<LimitRule, Meter>();

export function meterOf(rule: LimitRule): Meter {
  let meter = meters.get(rule);
  if (meter === undefined) {
    const { name, algorithm, period, windowMs } = rule;
    const span = algorithm === 'quota' ? period : algorithm === 'concurrency' ? '' : windowMs;
    meter = { rule, algorithm: algorithmOf(rule), name: `${name}:${algorithm}:${span ?? ''}` };
    meters.set(rule, meter);
  }
  return meter;
}

const SHORT_AND_PLAIN = /^[\w.:@/-]{1,128}$/;

/** A partition as part of a key. It comes from outside: what is long or could end a part of a key is hashed. */
export function partitionName(partition: string): string {
  return SHORT_AND_PLAIN.test(partition) ? partition : `#${hash('sha256', partition, 'base64url')}`;
}

/** What a demand counts, where it is not nonsense. */
export function amountOf({ amount }: Demand): number {
  return amount > 0 ? amount : 0;
}

/** What settling changes: what was used, less what was reserved. Leases end, whatever was used. */
export function differenceOf(demand: Demand, used: number | undefined): number {
  if (demand.rule.algorithm === 'concurrency') return -amountOf(demand);
  return used !== undefined && used >= 0 && used < Infinity ? used - amountOf(demand) : 0;
}

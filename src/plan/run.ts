/** One execution of a plan. Everything that belongs to a request is here, and nothing of it in the plan. */
import type { VariableValues } from 'graphql';
import type { HemError } from '../errors.ts';
import type { Execution } from '../execute/execution.ts';
import type { ValueCount } from '../execute/value-count.ts';
import type { Failure } from './failures.ts';
import type { ObjectPlan } from './plan.ts';
import type { LookupWork } from './step-lookups.ts';

export interface Path {
  readonly prev: Path | undefined;
  readonly key: string | number;
}

export interface Run {
  readonly execution: Execution;
  readonly variables: VariableValues;
  /** What was asked before the record was there that carries the key, with the text of the key. */
  readonly ahead: Map<LookupWork, { readonly text: string; readonly loading: Promise<readonly unknown[]> }>;
  /** Of lookups and calls that several steps share. */
  readonly loaders: Map<string, unknown>;
  readonly values: ValueCount;
  /** Why there is no answer at all. */
  refusal: HemError | undefined;
  /** Only while `tracking`. */
  readonly failures: Failure[];
  /** The last one that is none of them, because enough are told. */
  untold: Failure | undefined;
  /**
   * A projection runs without paths and gives up at the first error; it then runs once more with paths. Errors are rare, and what was
   * fetched is kept, so the second run says exactly what is wrong where.
   */
  tracking: boolean;
}

/** An object on its way: the record it came with, and what was fetched for it. */
export class Cell {
  readonly record: unknown;
  /** Undefined for a type that the view hides. */
  readonly plan: ObjectPlan | undefined;
  /** By the slots of its plan: records of lookups, results of calls, cells below. */
  readonly slots: unknown[];

  constructor(record: unknown, plan: ObjectPlan | undefined) {
    this.record = record;
    this.plan = plan;
    this.slots = plan === undefined ? [] : new Array(plan.slots);
  }
}

/** Thrown by a projection without paths. */
export const GIVE_UP = new Error('projection with errors');

/** Thrown by a projection that has made as many values as an answer may have. */
export const TOO_MANY_VALUES = new Error('too many values');

/** A position that cannot be what its type says; the error is reported. */
export const FAILED = Symbol('failed');

export function pathToArray(path: Path | undefined): Array<string | number> {
  const keys: Array<string | number> = [];
  for (let current = path; current !== undefined; current = current.prev) keys.push(current.key);
  return keys.reverse();
}

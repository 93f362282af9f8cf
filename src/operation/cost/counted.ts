/** An operation as its cost is summed: the object types that may be there, and what is selected of each. */
import type { FieldNode, VariableValues } from 'graphql';
import type { Quota } from '../../load/directives/quota.ts';

/** Sums stay exact, and are never more. */
export const MOST = Number.MAX_SAFE_INTEGER;

export type Values = Readonly<Record<string, unknown>>;

export const NO_VALUES: Values = Object.freeze(Object.create(null));

/** What a request brings along. */
export interface Given {
  /** Undefined where they do not fit the operation, which will be refused. */
  readonly variables: VariableValues | undefined;
  readonly claims: Values;
}

export const NOTHING_GIVEN: Given = { variables: undefined, claims: NO_VALUES };

/** A size, or a weight, that is found out per request. */
export type SizeOf = (given: Given) => number;

/** A field of an object, as it is selected. */
export interface CountedField {
  readonly responseKey: string;
  /** `Type.field` of the view. */
  readonly coordinate: string;
  readonly node: FieldNode;
  /** Each time that it is asked for. */
  readonly weight: number;
  readonly argumentWeight: SizeOf | undefined;
  /** How many values it gives, lists multiplied. */
  readonly size: number | SizeOf;
  readonly isList: boolean;
  /** What each value costs, where they are leaves. */
  readonly each: number;
  /** What each value may be, where they are objects: the dearest counts. */
  readonly objects: readonly CountedObject[];
  readonly quotas: readonly Quota[];
}

/** An object type with what is selected of it. */
export interface CountedObject {
  /** All objects of an operation are numbered, each after those below it. */
  readonly index: number;
  readonly weight: number;
  readonly fields: readonly CountedField[];
}

export function sizeIn({ size }: CountedField, given: Given): number {
  return typeof size === 'number' ? size : size(given);
}

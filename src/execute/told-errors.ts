/** An answer tells so many errors and no more: a field that fails in every item of a list would make one for each, whatever it is called. */
import { GraphQLError } from 'graphql';

export const MAX_TOLD = 1000;

/** Positions of one execution that failed. */
export interface Failures {
  /** Told with an error of their own. */
  told: number;
  /** Null without one. */
  leftOut: number;
}

/** Counts one more. @returns whether it is told */
export function tells(failures: Failures): boolean {
  if (failures.told < MAX_TOLD) {
    failures.told++;
    return true;
  }
  failures.leftOut++;
  return false;
}

/**
 * One error per null: of those at and below one position that is null the last stays, which is the one that made it so.
 * @param data of the whole answer
 */
export function onePerNull(data: unknown, errors: readonly GraphQLError[]): readonly GraphQLError[] {
  const byNull = new Map<string, GraphQLError>();
  for (const [index, error] of errors.entries()) {
    // What is of no place is of none that is null.
    const place = JSON.stringify(error.path === undefined ? index : nullAt(data, error.path));
    // In the order of those that stay.
    byNull.delete(place);
    byNull.set(place, error);
  }
  return byNull.size === errors.length ? errors : [...byNull.values()];
}

/** How far a path leads: to a null, at its end or before. */
function nullAt(data: unknown, path: readonly (string | number)[]): readonly (string | number)[] {
  let value = data;
  for (const [index, key] of path.entries()) {
    if (typeof value !== 'object' || value === null) return path.slice(0, index);
    value = (value as Record<string | number, unknown>)[key];
  }
  return path;
}

/** What is said of those that are not told; undefined where all are. */
export function leftOutError({ leftOut }: Failures): GraphQLError | undefined {
  if (leftOut === 0) return undefined;
  const message = leftOut === 1 ? '1 more error is not told.' : `${leftOut} more errors are not told.`;
  return new GraphQLError(message, { extensions: { code: 'ERRORS_LEFT_OUT' } });
}

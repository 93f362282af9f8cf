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

/** What is said of those that are not told; undefined where all are. */
export function leftOutError({ leftOut }: Failures): GraphQLError | undefined {
  if (leftOut === 0) return undefined;
  const message = `${leftOut} more ${leftOut === 1 ? 'position is' : 'positions are'} null for reasons that are not told.`;
  return new GraphQLError(message, { extensions: { code: 'ERRORS_LEFT_OUT' } });
}

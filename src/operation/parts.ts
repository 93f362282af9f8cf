/** An answer in parts: what the engine gives, with errors as callers read them, and with an end whatever happens. */
import type {
  FormattedIncrementalResult,
  FormattedInitialIncrementalExecutionResult,
  FormattedSubsequentIncrementalExecutionResult,
  GraphQLError,
  GraphQLFormattedError,
  SubsequentIncrementalExecutionResult,
} from 'graphql';
import type { IncrementalResults } from '../execute/engine.ts';
import type { DeadlineOfParts } from './deadline.ts';

/** The first has `data`, the last says `hasNext: false`. */
export type Part = FormattedInitialIncrementalExecutionResult | FormattedSubsequentIncrementalExecutionResult;

type Errors = readonly GraphQLFormattedError[];

/** What the endpoint makes of errors. */
export interface PartErrors {
  format(errors: readonly GraphQLError[]): Errors;
  /** Of something that no field is to blame for. */
  ofFailure(error: unknown): Errors;
}

/** Ends the deadline with the last part, or when nobody reads on. */
export async function* partsOf(
  { initialResult, subsequentResults }: IncrementalResults,
  deadline: DeadlineOfParts,
  errors: PartErrors,
): AsyncGenerator<Part, void> {
  const open = new Set(initialResult.pending.map(({ id }) => id));
  let hasNext = true;
  try {
    yield withErrors(initialResult, errors);
    while (hasNext) {
      const { done, value } = await deadline.wait(subsequentResults.next());
      if (done) throw new Error('the engine ended before its last part');
      for (const { id } of value.pending ?? []) open.add(id);
      for (const { id } of value.completed ?? []) open.delete(id);
      hasNext = value.hasNext;
      yield formatted(value, errors);
    }
  } catch (error) {
    // Out of time, or the engine failed: what was promised and has not come ends here.
    const why = errors.ofFailure(error);
    if (hasNext) yield { completed: [...open].map((id) => ({ id, errors: why })), hasNext: false };
  } finally {
    deadline.end();
    subsequentResults.return().catch(() => {});
  }
}

function formatted(
  { incremental, completed, ...rest }: SubsequentIncrementalExecutionResult,
  errors: PartErrors,
): Part {
  const entries = incremental?.map((one) => withErrors(one, errors) as FormattedIncrementalResult);
  const ended = completed?.map((one) => withErrors(one, errors));
  return {
    ...rest,
    ...(entries === undefined ? {} : { incremental: entries }),
    ...(ended === undefined ? {} : { completed: ended }),
  };
}

function withErrors<One extends { readonly errors?: readonly GraphQLError[] }>(
  one: One,
  { format }: PartErrors,
): Omit<One, 'errors'> & { errors?: Errors } {
  const { errors, ...rest } = one;
  return errors === undefined ? rest : { ...rest, errors: format(errors) };
}

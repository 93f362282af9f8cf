/** What fails while an answer is projected: noted as it comes, and made an error of only when it is told. */
import { type FieldNode, GraphQLError } from 'graphql';
import { toFieldError } from '../execute/field-errors.ts';
import { leftOutError, tells } from '../execute/told-errors.ts';
import type { Connector } from '../load/model.ts';
import { FAILED, GIVE_UP, type Path, pathToArray, type Run } from './run.ts';

/** The field that fails. */
export interface FailingField {
  /** `Type.field` of the view. */
  readonly coordinate: string;
  readonly nodes: readonly FieldNode[];
  readonly connectors: ReadonlyMap<string, Connector>;
}

/** A position that failed. */
export interface Failure {
  readonly field: FailingField;
  /** Or what makes it: an error with its stack is dear, and of a thousand that fail in a list one may be told. */
  readonly error: unknown;
  readonly path: Path | undefined;
}

/** Notes what is wrong at a path, or gives up when paths are not kept. @param error or what makes one. @returns FAILED */
export function report(run: Run, field: FailingField, error: unknown, path: Path | undefined): typeof FAILED {
  if (!run.tracking) throw GIVE_UP;
  const failure = { field, error, path };
  const isTold = tells(run.execution.failures);
  if (isTold) run.failures.push(failure);
  run.untold = isTold ? undefined : failure;
  return FAILED;
}

/**
 * Of a position that became null because of what is below it only that failure is told: those of what it took away are not
 * (GraphQL, 6.4.4). It is the last, because nothing is completed after it.
 *
 * @param told @param leftOut how many there were before
 */
export function nulled(run: Run, told: number, leftOut: number): null {
  const { failures, execution, untold } = run;
  const counts = execution.failures;
  const taken = failures.length - told - 1;
  if (taken > 0) {
    failures.splice(told, taken);
    counts.told -= taken;
  }
  if (untold !== undefined && failures.length > told) failures[told] = untold;
  run.untold = undefined;
  counts.leftOut = failures.length > told ? leftOut : Math.min(counts.leftOut, leftOut + 1);
  return null;
}

/** As callers read them; the last one says how many more there are. */
export function errorsOf({ failures, execution }: Run): readonly GraphQLError[] {
  const errors = failures.map(({ field, error, path }) => {
    const { coordinate, nodes, connectors } = field;
    const cause = typeof error === 'function' ? (error() as unknown) : error;
    const { message, extensions, originalError } = toFieldError(cause, coordinate, connectors, execution);
    return new GraphQLError(message, { nodes, path: pathToArray(path), extensions, originalError });
  });
  const leftOut = leftOutError(execution.failures);
  return leftOut === undefined ? errors : [...errors, leftOut];
}

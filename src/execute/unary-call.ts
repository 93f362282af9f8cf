/** One batch of backend calls, as every engine makes it: before the deadline, narrowed by `select`, with failures in their places. */
import type { CallContext, Outcome, UnaryCall } from '../connectors/kind.ts';
import { HemError, UpstreamError } from '../errors.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';

/** A list lookup asks for at most so many keys in one call. */
export const MAX_BATCH = 1000;

/** Never rejects: a failure of the whole becomes the failure of each. */
export async function runUnary(
  field: ConnectorField,
  { call, select }: { readonly call: UnaryCall; readonly select: Reader | undefined },
  batch: readonly Values[],
  context: () => CallContext,
): Promise<readonly Outcome[]> {
  const { name } = field.owner.connector;
  try {
    const given = context();
    const outcomes = await beforeAbort(call.call(batch, given), given.signal, name);
    return select === undefined
      ? outcomes
      : outcomes.map((outcome) => (outcome instanceof Error ? outcome : (select(outcome) ?? null)));
  } catch (error) {
    const failure =
      error instanceof HemError
        ? error
        : new UpstreamError('UPSTREAM_FAILED', name, { internal: String(error), cause: error });
    return batch.map(() => failure);
  }
}

/** A connector keeps its deadline by itself; this is for the one that does not. */
function beforeAbort<T>(work: Promise<T>, signal: AbortSignal, connector: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () =>
      reject(new UpstreamError('UPSTREAM_TIMEOUT', connector, { internal: 'the operation ended first' }));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

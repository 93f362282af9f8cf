/** Runs one call per element of a batch and puts failures in their places. */
import { HemError, UpstreamError } from '../errors.ts';
import type { Values } from '../mapping/values.ts';
import { inTurns } from '../upstream/turns.ts';
import type { ConnectionSetup, OnOutcome, Outcome } from './kind.ts';

type Send = (values: Values) => Promise<unknown>;

/** For kinds whose protocol has no batch of its own: a call per element, `limits.callsAtOnce` of them at the same time. */
export function toOutcomes(
  { name, settings }: Pick<ConnectionSetup<never>, 'name' | 'settings'>,
  batch: readonly Values[],
  send: Send,
  onOutcome?: OnOutcome,
): Promise<readonly Outcome[]> {
  const first = batch[0];
  const toFailure = (error: unknown) => toUpstreamError(name, error);
  // Nearly every batch is one element, and a promise less per call can be measured.
  if (batch.length === 1 && first !== undefined)
    return start(first, send).then(toList, (error: unknown) => [toFailure(error)]);
  const { callsAtOnce } = settings.limits;
  if (onOutcome === undefined)
    return inTurns(batch, callsAtOnce, (values) => start(values, send).catch(toFailure));
  return inTurns(batch, callsAtOnce, async (values, index) => {
    const outcome: Outcome = await start(values, send).catch(toFailure);
    onOutcome(index, outcome);
    return outcome;
  });
}

/** For `problemWith`. @param write makes what would be sent, and throws where that cannot be */
export function problemsOf(
  connector: string,
  write: (values: Values) => unknown,
): (values: Values) => UpstreamError | undefined {
  return (values) => {
    try {
      write(values);
      return undefined;
    } catch (error) {
      return toUpstreamError(connector, error);
    }
  };
}

function start(values: Values, send: Send): Promise<unknown> {
  try {
    return send(values);
  } catch (error) {
    return Promise.reject(error);
  }
}

function toList(outcome: Outcome): readonly Outcome[] {
  return [outcome];
}

/** Errors of templates become this connector's; anything unforeseen counts as the backend's failure and keeps its cause. */
export function toUpstreamError(connector: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (error instanceof HemError) {
    const code = error.code === 'UNAUTHENTICATED' ? error.code : 'BAD_ARGUMENT';
    return new UpstreamError(code, connector, { publicText: error.publicText, cause: error });
  }
  return new UpstreamError('UPSTREAM_FAILED', connector, { internal: String(error), cause: error });
}

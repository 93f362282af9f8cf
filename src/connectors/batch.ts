/** Runs one call per element of a batch and puts failures in their places. */
import { HemError, UpstreamError } from '../errors.ts';
import type { Values } from '../mapping/values.ts';
import type { Outcome } from './kind.ts';

type Send = (values: Values) => Promise<unknown>;

/** For kinds whose protocol has no batch of its own. All calls start at once: how many run is the upstream layer's affair. */
export function toOutcomes(
  connector: string,
  batch: readonly Values[],
  send: Send,
): Promise<readonly Outcome[]> {
  const first = batch[0];
  // Nearly every batch is one element, and a promise less per call can be measured.
  if (batch.length === 1 && first !== undefined) {
    return start(first, send).then(toList, (error: unknown) => [toUpstreamError(connector, error)]);
  }
  return Promise.all(
    batch.map((values) => start(values, send).catch((error: unknown) => toUpstreamError(connector, error))),
  );
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
    return new UpstreamError('BAD_ARGUMENT', connector, { publicText: error.publicText, cause: error });
  }
  return new UpstreamError('UPSTREAM_FAILED', connector, { internal: String(error), cause: error });
}

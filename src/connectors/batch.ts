/** Runs one call per element of a batch and puts failures in their places. */
import { HemError, UpstreamError } from '../errors.ts';
import type { Values } from '../mapping/values.ts';
import type { Outcome } from './kind.ts';

/** For kinds whose protocol has no batch of its own. All calls start at once: how many run is the upstream layer's affair. */
export async function toOutcomes(
  connector: string,
  batch: readonly Values[],
  send: (values: Values) => Promise<unknown>,
): Promise<readonly Outcome[]> {
  const first = batch[0];
  if (batch.length === 1 && first !== undefined) return [await settle(connector, first, send)];
  return Promise.all(batch.map((values) => settle(connector, values, send)));
}

async function settle(
  connector: string,
  values: Values,
  send: (values: Values) => Promise<unknown>,
): Promise<Outcome> {
  try {
    return await send(values);
  } catch (error) {
    return toUpstreamError(connector, error);
  }
}

/** Errors of templates become this connector's; anything unforeseen counts as the backend's failure and keeps its cause. */
export function toUpstreamError(connector: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (error instanceof HemError) {
    return new UpstreamError('BAD_ARGUMENT', connector, { publicText: error.publicText, cause: error });
  }
  return new UpstreamError('UPSTREAM_FAILED', connector, { internal: String(error), cause: error });
}

/** Runs one call per element of a batch and puts failures in their places. */
import { HemError, UpstreamError } from '../errors.ts';
import type { Values } from '../mapping/values.ts';
import { inTurns } from '../upstream/turns.ts';
import type { ConnectionSetup, Outcome } from './kind.ts';

/** For kinds whose protocol has no batch of its own: a call per element, `limits.callsAtOnce` of them at the same time. */
export async function toOutcomes(
  { name, settings }: Pick<ConnectionSetup<never>, 'name' | 'settings'>,
  batch: readonly Values[],
  send: (values: Values) => Promise<unknown>,
): Promise<readonly Outcome[]> {
  const first = batch[0];
  if (batch.length === 1 && first !== undefined) return [await settle(name, first, send)];
  return inTurns(batch, settings.limits.callsAtOnce, (values) => settle(name, values, send));
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

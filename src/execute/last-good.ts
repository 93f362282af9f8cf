/**
 * `@fallback(stale: …)`: what a field's backend last answered, in place of its failure. Remembered per field and for all that the
 * backend could have answered by: arguments, claims, headers that travel on. Bounded; a stale answer always leaves a trace.
 */
import { hash } from 'node:crypto';
import { BoundedCache } from '../bounded-cache.ts';
import type { CallContext, Outcome } from '../connectors/kind.ts';
import { isFailureOfBackend, UpstreamError } from '../errors.ts';
import { toldOfCaller } from '../load/connector/told-of-caller.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Values } from '../mapping/values.ts';
import { type Execution, noteFallback } from './execution.ts';

/** Of one field, roughly: an answer of `limits.responseBytes` takes two or three times as much. */
const MAX_BYTES = 32 * 1024 ** 2;
/** What a value takes besides its text. */
const BYTES_OF_VALUE = 16;

interface Remembered {
  readonly outcome: Outcome;
  readonly at: number;
}

const byField = new WeakMap<ConnectorField, BoundedCache<Remembered>>();

export interface AskedBatch {
  readonly field: ConnectorField;
  /** Equal for equal selections. */
  readonly selectionId: string;
  readonly batch: readonly Values[];
  readonly context: CallContext;
}

/** Remembers good outcomes, and gives earlier ones in place of failures. */
export function withLastGood(
  execution: Execution,
  { field, selectionId, batch, context }: AskedBatch,
  outcomes: readonly Outcome[],
): readonly Outcome[] {
  const caller = callerOf(field, context);
  if (caller === undefined) return outcomes;
  const remembered = byField.get(field) ?? new BoundedCache<Remembered>(MAX_BYTES);
  byField.set(field, remembered);
  const now = performance.now();
  return outcomes.map((outcome, index) => {
    const { args, parent } = batch[index]!;
    // Holds credentials, so it is a hash.
    const key = hash('sha256', JSON.stringify([args, parent, selectionId, caller]), 'base64url');
    if (!(outcome instanceof Error)) {
      remembered.set(key, { outcome, at: now }, bytesOf(outcome));
      return outcome;
    }
    const earlier = remembered.get(key);
    if (!(outcome instanceof UpstreamError) || !isFailureOfBackend(outcome.code)) return outcome;
    if (earlier === undefined || now - earlier.at > field.staleMs!) return outcome;
    const { coordinate } = field;
    const { connector, code } = outcome;
    noteFallback(execution, {
      coordinate,
      connector,
      code,
      staleSeconds: Math.floor((now - earlier.at) / 1000),
    });
    return earlier.outcome;
  });
}

/** All of a caller by which a backend's answers may differ; undefined where that is more than is known here. */
function callerOf({ owner, source }: ConnectorField, context: CallContext): readonly unknown[] | undefined {
  const { headers, more } = toldOfCaller(owner.connector.settings);
  if (more) return undefined;
  const claims = source.via === 'call' ? source.claims : [];
  return [
    context.slots,
    claims.map((name) => (Object.hasOwn(context.claims, name) ? context.claims[name] : null)),
    headers.map((name) => context.headers[name] ?? null),
  ];
}

/** Roughly what an answer takes in memory. */
function bytesOf(outcome: Outcome): number {
  let bytes = 0;
  const left: unknown[] = [outcome];
  while (left.length > 0) {
    const value = left.pop();
    bytes += BYTES_OF_VALUE;
    if (typeof value === 'string') bytes += value.length;
    else if (typeof value === 'object' && value !== null)
      for (const one of Object.values(value)) left.push(one);
  }
  return bytes;
}

/** One batch of backend calls, as every engine makes it: before the deadline, narrowed by `select`, with failures in their places. */
import type { CallContext, OnOutcome, Outcome, UnaryCall } from '../connectors/kind.ts';
import { HemError, UpstreamError } from '../errors.ts';
import type { ConnectorField } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import { type Timeout, timeoutsOf } from '../timeouts.ts';
import { countUnfound } from './trace.ts';

/** A list lookup asks for at most so many keys in one call. */
export const MAX_BATCH = 1000;

/** For a connector to hand out what it has when the operation's time is over: its calls end with that by themselves. */
const PATIENCE_MS = 100;

interface HowToCall {
  readonly call: UnaryCall;
  readonly select: Reader | undefined;
  /** Told of what is there before all is. */
  readonly onOutcome?: OnOutcome | undefined;
}

/** Never rejects: a failure of the whole becomes the failure of each. */
export function runUnary(
  field: ConnectorField,
  { call, select, onOutcome }: HowToCall,
  batch: readonly Values[],
  contextOf: () => CallContext,
): Promise<readonly Outcome[]> {
  const { name } = field.owner.connector;
  return new Promise((resolve) => {
    const fail = (error: unknown): readonly Outcome[] => {
      const failure =
        error instanceof HemError
          ? error
          : new UpstreamError('UPSTREAM_FAILED', name, { internal: String(error), cause: error });
      const outcomes = batch.map(() => failure);
      resolve(outcomes);
      return outcomes;
    };
    try {
      const context = contextOf();
      const { cancellation } = context;
      const giveUp = () =>
        fail(new UpstreamError('UPSTREAM_TIMEOUT', name, { internal: 'the operation ended first' }));
      if (cancellation.isCancelled) {
        giveUp();
        return;
      }
      // A connector keeps its deadline by itself, call by call; this is for the one that does not.
      let patience: Timeout | undefined;
      const wait = () => {
        patience = timeoutsOf(PATIENCE_MS).start(giveUp);
      };
      const stop = () => {
        cancellation.remove(wait);
        patience?.stop();
      };
      cancellation.add(wait);
      const onEach: OnOutcome | undefined =
        select === undefined ? onOutcome : onOutcome && narrowed(onOutcome, select);
      const startedAt = call.ended === undefined ? 0 : performance.now();
      call.call(batch, context, onEach).then(
        (outcomes) => {
          stop();
          try {
            call.ended?.(outcomes, startedAt, context);
            resolve(select === undefined ? outcomes : outcomes.map((outcome) => narrow(outcome, select)));
          } catch (error) {
            fail(error);
          }
        },
        (error: unknown) => {
          stop();
          call.ended?.(fail(error), startedAt, context);
        },
      );
    } catch (error) {
      fail(error);
    }
  });
}

function narrowed(onOutcome: OnOutcome, select: Reader): OnOutcome {
  return (index, outcome) => {
    let value: Outcome;
    try {
      value = outcome instanceof Error ? outcome : (select(outcome) ?? null);
    } catch {
      // Told of with all the others.
      return;
    }
    onOutcome(index, value);
  };
}

/** Once for each outcome: what is not found is counted. */
function narrow(outcome: Outcome, select: Reader): Outcome {
  if (outcome instanceof Error) return outcome;
  const selected = select(outcome);
  if (selected !== undefined) return selected;
  if (outcome !== null && outcome !== undefined) countUnfound();
  return null;
}

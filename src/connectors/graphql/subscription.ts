/** Keeps one subscription alive over connections that come and go. */

import { Cancellation } from '../../cancellation.ts';
import { UpstreamError } from '../../errors.ts';
import { Attempts, pause, type Reconnect } from '../../upstream/reconnect.ts';
import { Subscriber } from '../../upstream/subscriber.ts';
import { type CallContext, StreamGap } from '../kind.ts';
import type { Answer } from './answer.ts';

/** How a transport subscribes once. */
export type Subscribe = (
  request: SubscriptionRequest,
  context: CallContext,
  on: SubscriptionEvents,
) => Promise<Ending>;

export interface SubscriptionRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface SubscriptionEvents {
  /** The backend has the subscription, as far as can be known. */
  open(): void;
  /** `bytes` is what the answer took on the wire. */
  event(answer: Answer, bytes: number): void;
}

/** Why a subscription came to its end. Transports never throw. */
export type Ending =
  | { readonly kind: 'complete' }
  /** Trying again would not help. */
  | { readonly kind: 'refused'; readonly error: UpstreamError }
  | { readonly kind: 'lost'; readonly error: UpstreamError };

interface Setup {
  readonly connector: string;
  readonly subscribe: Subscribe;
  readonly reconnect: Reconnect;
  readonly subscriber: { readonly buffer: number };
  /** What may wait for one subscriber. */
  readonly maxBytes: number;
  /** From an answer to the event that the subscriber gets. */
  readonly toEvent: (answer: Answer) => unknown;
}

/** A subscription whose first connection fails ends at once: whoever subscribes is there to try again. */
export function subscribeForGood(
  request: SubscriptionRequest,
  context: CallContext,
  setup: Setup,
): AsyncIterable<unknown> {
  const ended = new Cancellation();
  const subscriber = new Subscriber({
    connector: setup.connector,
    events: setup.subscriber.buffer,
    bytes: setup.maxBytes,
    signal: context.signal,
    onEnd: () => ended.cancel(),
  });
  if (context.cancellation.isCancelled) subscriber.leave();
  else void run(request, context.endingWith(ended), setup, subscriber);
  return subscriber;
}

async function run(
  request: SubscriptionRequest,
  context: CallContext,
  setup: Setup,
  subscriber: Subscriber,
): Promise<void> {
  const attempts = new Attempts(setup.reconnect);
  let wasOpen = false;
  let lastReason = '';
  while (!context.signal.aborted) {
    const ending = await setup.subscribe(request, context, {
      open() {
        if (wasOpen) subscriber.push(new StreamGap(lastReason), 0);
        wasOpen = true;
        attempts.opened();
      },
      event(answer, bytes) {
        attempts.proved();
        subscriber.push(setup.toEvent(answer), bytes);
      },
    });
    if (ending.kind === 'complete') return subscriber.end();
    if (ending.kind === 'refused' || !wasOpen) return subscriber.fail(ending.error);
    lastReason = ending.error.message;
    const delayMs = attempts.ended();
    if (attempts.areOver) {
      return subscriber.fail(
        new UpstreamError('UPSTREAM_UNAVAILABLE', setup.connector, {
          internal: `the subscription was lost ${attempts.inVain} times in a row: ${lastReason}`,
          cause: ending.error,
        }),
      );
    }
    await pause(delayMs, context.signal);
  }
}

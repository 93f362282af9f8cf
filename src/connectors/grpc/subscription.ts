/**
 * One subscription over a stream of answers. A stream that breaks is opened again; what was missed meanwhile is nobody's
 * knowledge, so a StreamGap says that it broke, once the new stream is open.
 */
import { type ClientDuplexStream, type ServiceError, status as Status } from '@grpc/grpc-js';
import { Cancellation } from '../../cancellation.ts';
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import { Attempts, pause } from '../../upstream/reconnect.ts';
import { toUpstreamError } from '../batch.ts';
import { type CallContext, type ConnectionSetup, StreamGap } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import { asIs, toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { isLocal, toStatusError, unreadable } from './status.ts';
import type { StreamChannel, StreamChannels } from './stream-channels.ts';

/** Servers may send nothing at all until their first event. A stream that is not refused within this time counts as open. */
const QUIET_OPEN_MS = 1000;

export interface StreamParts {
  readonly setup: ConnectionSetup<GrpcOptions>;
  readonly channels: StreamChannels;
  readonly binding: GrpcBinding;
  readonly values: Values;
  readonly context: CallContext;
}

/** Ends when the caller's signal aborts or `return` is called, also while an event is awaited. */
export function openStream(parts: StreamParts): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const leaving = new AbortController();
      const events = new Subscription(
        parts,
        AbortSignal.any([parts.context.signal, leaving.signal]),
      ).events();
      return {
        next: () => events.next(),
        return: () => {
          // A generator that awaits an event would return only after it.
          leaving.abort();
          return events.return();
        },
      };
    },
  };
}

class Subscription {
  readonly #parts: StreamParts;
  readonly #signal: AbortSignal;
  readonly #cancellation: Cancellation;
  readonly #attempts: Attempts;
  #wasOpen = false;

  constructor(parts: StreamParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#attempts = new Attempts(parts.setup.options.reconnect);
    this.#signal = signal;
    this.#cancellation = Cancellation.of(signal);
  }

  /** @throws {UpstreamError} */
  async *events(): AsyncGenerator<unknown, void, void> {
    using place = this.#parts.channels.take();
    let interruption: string | undefined;
    for (let count = 1; !this.#signal.aborted; count++) {
      try {
        const attempt = await this.#start(place);
        try {
          if (interruption !== undefined && (await attempt.opened)) {
            yield new StreamGap(interruption);
            interruption = undefined;
          }
          for await (const bytes of attempt.call) {
            if (interruption !== undefined) yield new StreamGap(interruption);
            interruption = undefined;
            this.#attempts.proved();
            yield this.#decode(bytes);
          }
          if (attempt.failure === undefined) return;
          throw attempt.failure;
        } finally {
          this.#wasOpen ||= attempt.openedAt !== undefined;
          if (attempt.openedAt !== undefined && attempt.isTaken) this.#attempts.opened(attempt.openedAt);
          attempt.close();
        }
      } catch (error) {
        if (this.#signal.aborted) return;
        // A backend that is about to close its connection refuses new streams on it; grpc-js does not move those that it keeps no copy of.
        if (count === 1 && !this.#wasOpen && isServiceError(error) && isLocal(error)) continue;
        const delayMs = this.#attempts.ended();
        const failure = this.#toError(error);
        if (failure.code !== 'UPSTREAM_UNAVAILABLE' || !this.#wasOpen || this.#attempts.areOver)
          throw failure;
        interruption = failure.message;
        await pause(delayMs, this.#signal);
      }
    }
  }

  /** @throws {UpstreamError} UPSTREAM_LIMITED when the connection has no room for it in time */
  async #start({ client, connecting }: StreamChannel): Promise<Attempt> {
    const { setup, binding, values, context } = this.#parts;
    const request = binding.encode(values);
    const metadata = toMetadata(await setup.headers.of(context), binding.metadata, values);
    if (!connecting.isReady) await connecting.wait(Infinity, this.#cancellation);
    // On the wire one request and the end of the sending side are the same, whatever the method's kind. Only this kind of call tells
    // when its request has left.
    const call = client.makeBidiStreamRequest(binding.path, asIs, asIs, metadata);
    const attempt = new Attempt(call, this.#signal);
    const { requestMs } = setup.settings.timeouts;
    if (await attempt.begin(request, requestMs)) {
      // With streams both ways it stays open: many servers end such a stream when it closes.
      if (binding.mode === 'server-stream') call.end();
      return attempt;
    }
    attempt.close();
    throw new UpstreamError(connecting.isReady ? 'UPSTREAM_LIMITED' : 'UPSTREAM_UNAVAILABLE', setup.name, {
      internal: `no stream could be begun within ${requestMs} ms; the backend may allow fewer on a connection than streams: {perConnection}`,
    });
  }

  #decode(bytes: Buffer): unknown {
    try {
      return this.#parts.binding.decode(bytes);
    } catch (cause) {
      throw unreadable(this.#parts.setup.name, cause);
    }
  }

  #toError(error: unknown): UpstreamError {
    const { setup, binding, context } = this.#parts;
    if (!isServiceError(error)) return toUpstreamError(setup.name, error);
    if (error.code === Status.UNAUTHENTICATED) setup.headers.denied(context);
    return toStatusError(setup.name, error, binding.answers, false);
  }
}

/** One call. Its readable side asks for the next message only when one was taken, so a slow reader slows the backend down. */
class Attempt {
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  /** Also set when the call failed before anybody iterated. */
  failure: Error | undefined;
  /** Since when the call counts as accepted, on the clock of `performance.now()`. */
  openedAt: number | undefined;
  /** Whether that is so, as far as can be known. False when it failed before. */
  readonly opened: Promise<boolean>;
  readonly #settle: (opened: boolean) => void;
  readonly #signal: AbortSignal;
  readonly #cancel: () => void;
  #hasAnswered = false;
  #quiet: NodeJS.Timeout | undefined;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, signal: AbortSignal) {
    this.call = call;
    this.#signal = signal;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.opened = promise;
    this.#settle = resolve;
    this.#cancel = () => call.cancel();
    signal.addEventListener('abort', this.#cancel, { once: true });
    if (signal.aborted) call.cancel();
    call.on('error', (error) => {
      this.failure ??= error;
    });
    call.on('metadata', () => {
      this.#hasAnswered = true;
      this.#open();
    });
    // Also comes while nobody reads, after the error if there is one.
    call.on('status', () => {
      if (this.failure === undefined) this.#open();
      else this.#settle(false);
    });
  }

  /**
   * Whether the backend itself had taken the call. A proxy may accept it and say a while later that there is no backend; of a quiet
   * stream nobody can tell but by its end.
   */
  get isTaken(): boolean {
    return this.#hasAnswered || !(isServiceError(this.failure) && !isLocal(this.failure));
  }

  /**
   * Sends the request. A backend that allows no more streams on the connection takes it only when another one ends.
   * @returns false when that has not happened in time; a call that failed has begun as far as can be
   */
  begin(request: Buffer, limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (begun: boolean) => {
        clearTimeout(timer);
        resolve(begun);
      };
      const timer = setTimeout(settle, limitMs, false);
      this.call.once('status', () => settle(true));
      this.call.write(request, () => {
        this.#quiet = setTimeout(() => this.#open(), QUIET_OPEN_MS);
        this.#quiet.unref();
        settle(true);
      });
    });
  }

  #open(): void {
    if (this.failure !== undefined) return;
    this.openedAt ??= performance.now();
    this.#settle(true);
  }

  close(): void {
    clearTimeout(this.#quiet);
    this.#signal.removeEventListener('abort', this.#cancel);
    this.call.cancel();
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number' && 'metadata' in error
  );
}

/** Subscriptions over server-sent events: one POST per subscription, whose answer is a stream of results ("distinct connections mode"). */
import { type Dispatcher, Pool } from 'undici';
import { UpstreamError } from '../../errors.ts';
import { GatheredBytes } from '../../gathered-bytes.ts';
import type { HttpResponse } from '../../upstream/http.ts';
import { parseJsonLosslessly } from '../../upstream/json.ts';
import { toStatusError } from '../../upstream/status.ts';
import { toTlsOptions } from '../../upstream/tls.ts';
import { toUpstreamError } from '../batch.ts';
import type { CallContext } from '../kind.ts';
import { readAnswer, toAnswer } from './answer.ts';
import { EventStreamReader } from './event-stream.ts';
import type { Ending, SubscriptionEvents } from './subscription.ts';
import type { SubscriptionTransport, TransportSetup } from './websocket-transport.ts';

export function openSseTransport(setup: TransportSetup, url: string): SubscriptionTransport {
  const { origin, pathname, search } = new URL(url);
  const { timeouts, tls } = setup.settings;
  const pool = new Pool(origin, {
    connect: { timeout: timeouts.connectMs, ...toTlsOptions(tls) },
    pipelining: 1,
    headersTimeout: timeouts.requestMs,
    // Events may be hours apart. A peer that is gone without a word is found by TCP keep-alive.
    bodyTimeout: 0,
  });

  const readers = new Set<SubscriptionReader>();
  let isClosed = false;

  return {
    async subscribe(request, context, on) {
      try {
        const headers = await setup.headers.of(context);
        if (isClosed || context.signal.aborted) return { kind: 'complete' };
        headers.accept = 'text/event-stream';
        headers['content-type'] = 'application/json';
        return await new Promise((resolve) => {
          const reader = new SubscriptionReader(setup, context, { on, resolve });
          const onAbort = () => reader.end({ kind: 'complete' });
          readers.add(reader);
          context.signal.addEventListener('abort', onAbort, { once: true });
          reader.onEnd = () => {
            readers.delete(reader);
            context.signal.removeEventListener('abort', onAbort);
          };
          pool.dispatch(
            { method: 'POST', path: pathname + search, headers, body: JSON.stringify(request) },
            reader,
          );
        });
      } catch (error) {
        return { kind: 'lost', error: toUpstreamError(setup.name, error) };
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const reader of [...readers]) reader.end({ kind: 'complete' });
      await pool.destroy();
    },
  };
}

/** "none" is no coding that there is, but some servers (Yoga) say so to keep proxies from compressing the stream. */
const UNCODED: ReadonlySet<string> = new Set(['identity', 'none']);

interface PlainAnswer {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly body: GatheredBytes;
}

/** Reads the answer to one subscription request. */
class SubscriptionReader implements Dispatcher.DispatchHandler {
  onEnd: () => void = () => {};
  readonly #setup: TransportSetup;
  readonly #context: Pick<CallContext, 'principal'>;
  readonly #on: SubscriptionEvents;
  readonly #resolve: (ending: Ending) => void;
  readonly #events: EventStreamReader;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  /** Of an answer that is no stream: a refusal, or a single result. */
  #plain: PlainAnswer | undefined;

  constructor(
    setup: TransportSetup,
    context: Pick<CallContext, 'principal'>,
    { on, resolve }: { readonly on: SubscriptionEvents; readonly resolve: (ending: Ending) => void },
  ) {
    this.#setup = setup;
    this.#context = context;
    this.#on = on;
    this.#resolve = resolve;
    this.#events = new EventStreamReader(setup.settings.limits.responseBytes);
  }

  /** Ends the request, too, if it still runs. */
  end(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onEnd();
    this.#resolve(ending);
    this.#controller?.abort(new Error('the subscription is over'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the subscription is over'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HttpResponse['headers'],
  ): void {
    if (status < 200) return;
    const type = String(headers['content-type'] ?? '');
    const coding = headers['content-encoding'];
    if (coding !== undefined && !UNCODED.has(String(coding))) {
      this.#refuse(`answered with the content coding ${String(coding)}, which was not asked for`);
    } else if (status === 200 && type.startsWith('text/event-stream')) this.#on.open();
    else this.#plain = { status, headers, body: new GatheredBytes() };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#plain !== undefined) {
      const { body } = this.#plain;
      body.add(chunk);
      if (body.length > this.#setup.settings.limits.responseBytes) this.#refuse('answered too much');
      return;
    }
    try {
      for (const { event, data } of this.#events.read(chunk)) this.#event(event, data);
    } catch (error) {
      this.#refuse((error as Error).message);
    }
  }

  onResponseEnd(): void {
    if (this.#plain !== undefined) this.#endPlain(this.#plain);
    else
      this.end({
        kind: 'lost',
        error: this.#error('UPSTREAM_UNAVAILABLE', 'the stream ended without "complete"'),
      });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    this.end({ kind: 'lost', error: this.#error('UPSTREAM_UNAVAILABLE', cause.message, cause) });
  }

  #event(event: string, data: string): void {
    if (event === 'complete') this.end({ kind: 'complete' });
    if (this.#isOver || (event !== 'next' && event !== 'message') || data === '') return;
    const answer = toAnswer(this.#setup.codes, this.#read(data));
    if (answer === undefined) this.#refuse('sent a result without data and errors');
    else this.#on.event(answer, Buffer.byteLength(data));
  }

  #read(data: string): unknown {
    try {
      return parseJsonLosslessly(data, this.#setup.settings.limits.responseObjects);
    } catch (cause) {
      throw new Error(`sent an event ${(cause as Error).message}`, { cause });
    }
  }

  /** Without a stream there are no events: the answer says why. */
  #endPlain({ status, headers, body }: PlainAnswer): void {
    const { name, codes, settings, headers: outgoing } = this.#setup;
    const response = { status, headers, body: body.take() };
    if (status === 401) outgoing.denied(this.#context);
    try {
      readAnswer(codes, settings.limits, response);
      this.#refuse('answered a single result where a stream was asked for');
    } catch (error) {
      const refusal = toUpstreamError(name, error);
      const mayPass = status === 401 || status === 429 || status >= 500;
      this.end({
        kind: mayPass ? 'lost' : 'refused',
        error: mayPass ? toStatusError(name, response) : refusal,
      });
    }
  }

  #refuse(internal: string): void {
    this.end({ kind: 'refused', error: this.#error('UPSTREAM_INVALID', internal) });
  }

  #error(
    code: 'UPSTREAM_INVALID' | 'UPSTREAM_UNAVAILABLE',
    internal: string,
    cause?: unknown,
  ): UpstreamError {
    return new UpstreamError(code, this.#setup.name, { internal, cause });
  }
}

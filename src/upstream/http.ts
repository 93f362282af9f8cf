/**
 * The HTTP client that connectors use: one keep-alive pool per origin, a deadline per request, a bounded body, no redirects,
 * no content codings. Wraps undici's `dispatch`, which costs half of what `request` does.
 */
import { type Dispatcher, Pool, errors as undiciErrors } from 'undici';
import type { CommonSettings } from '../connectors/settings.ts';
import { UpstreamError } from '../errors.ts';
import { GatheredBytes } from '../gathered-bytes.ts';
import type { Breaker } from './breaker.ts';
import { remainingMs, type Waiting, watch } from './deadline.ts';
import { toTlsOptions } from './tls.ts';

export interface HttpRequest {
  readonly method: string;
  /** Path and query, beginning with "/". Never a full URL: the origin is fixed. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Whether sending it twice does no harm; by default what the method says. */
  readonly idempotent?: boolean;
  /** Whether an answer says that the backend failed; by default one of 500 and above. */
  readonly isFailure?: (response: HttpResponse) => boolean;
  /** Whether it only asks, so that one answer may do for several who ask the same. */
  readonly isRead?: boolean;
  /** Whether an answer that its headers allow to be kept is one, and not a failure in the dress of one. */
  readonly mayKeep?: (response: HttpResponse) => boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What may be sent twice with the same effect and the same answer; DELETE only has the same effect (RFC 9110, 9.2.2). */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT']);
/** A kept-alive connection that was closed meanwhile is known to be within a round trip, which may lead to another continent. */
const STALE_MS = 250;

export class HttpClient implements AsyncDisposable {
  readonly origin: string;
  readonly #connector: string;
  readonly #settings: HttpClientSettings;
  readonly #breaker: Breaker | undefined;
  readonly #pool: Pool;

  /** @param settings @param breaker asked before each request; undefined where there is none */
  constructor(connector: string, url: string, { breaker, ...settings }: HttpClientSetup) {
    this.#connector = connector;
    this.#settings = settings;
    this.#breaker = breaker;
    this.origin = new URL(url).origin;
    this.#pool = new Pool(this.origin, {
      connect: { timeout: settings.timeouts.connectMs, ...toTlsOptions(settings.tls) },
      connections: 128,
      pipelining: 1,
      keepAliveTimeout: 4000,
      // Both are covered by one timer per request.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Sends one request and reads the whole answer, whatever its status. What `read` makes of it is the result; what it throws, too.
   * @throws {UpstreamError} UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_CIRCUIT_OPEN, UPSTREAM_INVALID or BAD_ARGUMENT
   */
  request<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result> {
    const { requestMs } = this.#settings.timeouts;
    const now = performance.now();
    const limitMs = remainingMs(requestMs, context, now);
    if (limitMs === 0) return Promise.reject(this.#timeout());
    const breaker = this.#breaker;
    const begun = breaker?.begin() ?? 0;
    if (typeof begun !== 'number') return Promise.reject(begun);
    context.onCall?.();
    return new Promise((resolve, reject) => {
      let handler: ResponseHandler;
      // One watch for both attempts.
      const stop = watch(requestMs, context, () => handler.abort(this.#timeout()), now);
      const succeed = (response: HttpResponse) => {
        stop();
        if (breaker !== undefined) {
          const { isFailure = isServerError } = request;
          if (isFailure(response)) breaker.failed(begun);
          else breaker.answered(begun);
        }
        try {
          resolve(read(response));
        } catch (error) {
          reject(error);
        }
      };
      const fail = (error: unknown) => {
        stop();
        const failure = error instanceof StaleSocket ? error.upstream : error;
        const { cancellation, deadlineAt } = context;
        breaker?.ended(begun, failure, { cancellation, deadlineAt, hadTime: limitMs >= requestMs / 2 });
        reject(failure);
      };
      const failFirst = (error: unknown) => {
        // A kept-alive socket may be closed by the backend at the very moment it is used: once more on a fresh one.
        const mayRepeat = request.idempotent ?? REPEATABLE.has(request.method);
        if (!(error instanceof StaleSocket && mayRepeat && error.afterMs < STALE_MS)) return fail(error);
        handler = this.#send(request, succeed, fail);
      };
      handler = this.#send(request, succeed, failFirst);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }

  #send(
    { method, path, headers, body }: HttpRequest,
    resolve: (response: HttpResponse) => void,
    reject: (error: unknown) => void,
  ): ResponseHandler {
    const { responseBytes } = this.#settings.limits;
    const handler = new ResponseHandler(this.#connector, responseBytes, resolve, reject);
    try {
      this.#pool.dispatch(
        { method: method as Dispatcher.HttpMethod, path, headers: headers as Record<string, string>, body },
        handler,
      );
    } catch (error) {
      handler.onResponseError(undefined, error as Error);
    }
    return handler;
  }

  #timeout(): UpstreamError {
    return new UpstreamError('UPSTREAM_TIMEOUT', this.#connector, {
      internal: `${this.origin} did not answer in time`,
    });
  }
}

function isServerError({ status }: HttpResponse): boolean {
  return status >= 500;
}

export interface HttpClientSetup extends HttpClientSettings {
  readonly breaker?: Breaker | undefined;
}

export type HttpClientSettings = Pick<CommonSettings, 'timeouts' | 'tls' | 'limits'>;

/** What undici says of an answer that breaks the protocol. */
const NOT_HTTP = [
  undiciErrors.HTTPParserError,
  undiciErrors.HeadersOverflowError,
  undiciErrors.ResponseContentLengthMismatchError,
];

/** Says that a reused socket was closed before any byte of an answer. */
class StaleSocket extends Error {
  readonly upstream: UpstreamError;
  /** How long after the request was written. */
  readonly afterMs: number;
  constructor(upstream: UpstreamError, afterMs: number) {
    super(upstream.message);
    this.upstream = upstream;
    this.afterMs = afterMs;
  }
}

class ResponseHandler implements Dispatcher.DispatchHandler {
  readonly #connector: string;
  readonly #maxBytes: number;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #failure: UpstreamError | undefined;
  /** It may have waited for a socket before. */
  #startedAt = 0;
  #status = 0;
  #headers: HttpResponse['headers'] = {};
  readonly #body = new GatheredBytes();
  /** Whether it was given up before it got a socket. */
  #isOver = false;

  constructor(
    connector: string,
    maxBytes: number,
    resolve: (response: HttpResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connector = connector;
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Ends the request with `error`; its socket is not used again. */
  abort(error: UpstreamError): void {
    this.#failure ??= error;
    if (this.#controller === undefined) {
      this.#isOver = true;
      this.#settle();
    } else this.#controller.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, it leaves the socket to the next one; aborted, it would close it.
    if (this.#isOver) throw this.#failure;
    this.#controller = controller;
    this.#startedAt = performance.now();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HttpResponse['headers'],
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    const coding = headers['content-encoding'];
    if (coding !== undefined && coding !== 'identity') {
      this.abort(
        this.#invalid(`answered with the content coding ${String(coding)}, which was not asked for`),
      );
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body.length + chunk.length <= this.#maxBytes) this.#body.add(chunk);
    else this.abort(this.#invalid(`answered more than ${this.#maxBytes} bytes`));
  }

  onResponseEnd(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#body.take() });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    if (this.#isOver) return;
    if (this.#failure === undefined) {
      this.#failure = this.#classify(cause);
      if (cause instanceof undiciErrors.SocketError && this.#status === 0) {
        this.#reject(new StaleSocket(this.#failure, performance.now() - this.#startedAt));
        return;
      }
    }
    this.#settle();
  }

  #settle(): void {
    this.#reject(this.#failure);
  }

  #invalid(internal: string): UpstreamError {
    return new UpstreamError('UPSTREAM_INVALID', this.#connector, { internal });
  }

  #classify(cause: Error): UpstreamError {
    const internal = cause.message;
    if (cause instanceof undiciErrors.InvalidArgumentError) {
      return new UpstreamError('BAD_ARGUMENT', this.#connector, { internal, cause });
    }
    if (NOT_HTTP.some((kind) => cause instanceof kind)) {
      return new UpstreamError('UPSTREAM_INVALID', this.#connector, { internal, cause });
    }
    return new UpstreamError('UPSTREAM_UNAVAILABLE', this.#connector, { internal, cause });
  }
}

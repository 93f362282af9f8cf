/** The headers of one backend call: static ones, the caller's allowed ones, the request id, who calls, credentials last. */

import type { CallContext } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import { OF_THE_REQUEST } from '../connectors/header-settings.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import type { Credentials } from './credentials.ts';
import type { HeaderValues, Identity, IdentityContext } from './identity.ts';

type Facts = Pick<CallContext, 'headers' | 'requestId'> &
  Partial<Pick<CallContext, 'carried'>> &
  IdentityContext;
type Headers = Record<string, string>;

export class OutgoingHeaders {
  readonly #forward: readonly string[];
  readonly #set: Readonly<Record<string, string>>;
  readonly #credentials: Credentials;
  readonly #identity: Identity | undefined;

  constructor(
    { headers, identity }: Pick<CommonSettings, 'headers' | 'identity'>,
    credentials: Credentials,
    caller: Identity | undefined,
  ) {
    this.#forward = identity === 'forward' ? [...headers.forward, 'authorization'] : headers.forward;
    this.#set = headers.set;
    this.#credentials = credentials;
    this.#identity = caller;
  }

  /**
   * Lower-case names. A promise only while credentials, or a token for the caller, are being fetched.
   * @throws {HemError} BAD_ARGUMENT when the caller cannot be named; UPSTREAM_* when credentials or a token cannot be had
   */
  of(context: Facts): Headers | Promise<Headers> {
    const headers = this.#plain(context);
    const caller = this.#identity?.headers(context);
    const own = this.#credentials.headers(context);
    if (!(own instanceof Promise) && !(caller instanceof Promise)) return Object.assign(headers, caller, own);
    return Promise.all([caller, own]).then(([one, other]) => Object.assign(headers, one, other));
  }

  /** The same for one message to services behind a broker, whose password is none of theirs. */
  ofMessage(context: Facts): Headers | Promise<Headers> {
    return this.#with(this.#plain(context), this.#identity?.headers(context));
  }

  /** What differs from caller to caller: those for whom it is the same may share a connection. */
  ofCaller(context: Facts): Headers | Promise<Headers> {
    const headers = this.#forwarded(context);
    for (const name of OF_THE_REQUEST) delete headers[name];
    return this.#with(headers, this.#identity?.headers(context));
  }

  /** What is known without a caller, for connections that many callers share (websocket, AMQP). */
  async ofConnection(cancellation: Cancellation): Promise<Headers> {
    const own = await this.#credentials.headers({ cancellation, deadlineAt: Infinity });
    return { ...this.#set, ...own };
  }

  /** Call when the backend answered that credentials are not valid: the next call fetches new ones. */
  denied(context?: Pick<CallContext, 'principal'>): void {
    this.#credentials.forget();
    if (context !== undefined) this.callerDenied(context);
  }

  /** The same where Hem's own credentials are none of the backend's business: it refused what says who calls. */
  callerDenied(context: Pick<CallContext, 'principal'>): void {
    this.#identity?.forget(context);
  }

  /** Credentials that were got while running, for the gateway or for this caller. */
  obtained(context: Pick<CallContext, 'principal'>): readonly string[] {
    return [...this.#credentials.obtained(), ...(this.#identity?.obtained?.(context) ?? [])];
  }

  #plain(context: Facts): Headers {
    const headers = this.#forwarded(context);
    Object.assign(headers, this.#set);
    if (context.carried !== undefined) Object.assign(headers, context.carried);
    headers['x-request-id'] = context.requestId;
    return headers;
  }

  #forwarded(context: Facts): Headers {
    const headers: Headers = {};
    for (const name of this.#forward) {
      const value = context.headers[name];
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }

  #with(
    headers: Headers,
    caller: HeaderValues | undefined | Promise<HeaderValues>,
  ): Headers | Promise<Headers> {
    return caller instanceof Promise
      ? caller.then((values) => Object.assign(headers, values))
      : Object.assign(headers, caller);
  }
}

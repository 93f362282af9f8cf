/** The headers of one backend call: static ones, the caller's allowed ones, the request id, credentials last. */

import type { CallContext } from '../call-context.ts';
import { Cancellation } from '../cancellation.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import type { Credentials } from './credentials.ts';

export class OutgoingHeaders {
  readonly #forward: readonly string[];
  readonly #set: Readonly<Record<string, string>>;
  readonly #credentials: Credentials;

  constructor(settings: Pick<CommonSettings, 'headers'>, credentials: Credentials) {
    this.#forward = settings.headers.forward;
    this.#set = settings.headers.set;
    this.#credentials = credentials;
  }

  /**
   * Lower-case names. A promise only while credentials are being fetched.
   * @throws {UpstreamError} UPSTREAM_DENIED or UPSTREAM_UNAVAILABLE when credentials cannot be had
   */
  of(
    context: Pick<CallContext, 'headers' | 'requestId' | 'cancellation' | 'deadlineAt'> &
      Partial<Pick<CallContext, 'carried'>>,
  ): Record<string, string> | Promise<Record<string, string>> {
    const headers: Record<string, string> = {};
    for (const name of this.#forward) {
      const value = context.headers[name];
      if (value !== undefined) headers[name] = value;
    }
    Object.assign(headers, this.#set);
    if (context.carried !== undefined) Object.assign(headers, context.carried);
    headers['x-request-id'] = context.requestId;
    const credentials = this.#credentials.headers(context);
    if (credentials instanceof Promise) return credentials.then((own) => Object.assign(headers, own));
    return Object.assign(headers, credentials);
  }

  /** What is known without a caller, for connections that many callers share (websocket, AMQP). */
  ofConnection(signal: AbortSignal): Promise<Record<string, string>> {
    return Promise.resolve(
      this.#credentials.headers({ cancellation: Cancellation.of(signal), deadlineAt: Infinity }),
    ).then((own) => ({
      ...this.#set,
      ...own,
    }));
  }

  /** Call when the backend answered that credentials are not valid: the next call fetches new ones. */
  denied(): void {
    this.#credentials.forget();
  }
}

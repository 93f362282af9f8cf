/** A request that others wait for as well, or for another time: the same caller, and somebody else to say when nobody waits. */
import type { CallTracing } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import { headersForMany } from '../metrics/trace-headers.ts';
import type { Request } from './request.ts';

export class RequestOfMany implements Request {
  readonly left: Cancellation;
  readonly #request: Request;

  constructor(request: Request, left: Cancellation) {
    this.#request = request;
    this.left = left;
  }

  get requestId(): string {
    return this.#request.requestId;
  }

  get headers(): Request['headers'] {
    return this.#request.headers;
  }

  get address(): Request['address'] {
    return this.#request.address;
  }

  get principal(): Request['principal'] {
    return this.#request.principal;
  }

  /** The trace of who asked first. */
  get tracing(): CallTracing | undefined {
    const { tracing } = this.#request;
    return tracing && forMany(tracing);
  }
}

function forMany(tracing: CallTracing): CallTracing {
  return {
    begin(connector, coordinate) {
      const call = tracing.begin(connector, coordinate);
      return { headers: headersForMany(call.headers), end: (code) => call.end(code) };
    },
  };
}

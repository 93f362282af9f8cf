/** A request that others wait for as well, or for another time: the same caller, and somebody else to say when nobody waits. */
import type { CallTracing } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
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
    return tracing && withoutBaggage(tracing);
  }
}

/** Whatever else its caller sends along with a trace: an answer for all may not depend on that. */
function withoutBaggage(tracing: CallTracing): CallTracing {
  return {
    begin(connector, coordinate) {
      const call = tracing.begin(connector, coordinate);
      const { baggage: _callers, ...headers } = call.headers;
      return { headers, end: (code) => call.end(code) };
    },
  };
}

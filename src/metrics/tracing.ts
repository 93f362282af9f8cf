/** What is traced: requests, their operations, and the backend calls of those. No library is needed to say so. */
import type { CallTracing } from '../call-context.ts';

export interface Tracing extends AsyncDisposable {
  /** @param headers the caller's, in lower case */
  begin(request: BegunRequest): RequestSpan;
}

export interface BegunRequest {
  readonly requestId: string;
  readonly door: 'http' | 'websocket';
  readonly method?: string | undefined;
  /** `traceparent`, `tracestate` and `baggage` are read. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface RequestSpan {
  begin(operation: BegunOperation): OperationSpan;
  end(outcome: { readonly client: string | undefined; readonly status?: number }): void;
}

export interface BegunOperation {
  readonly client: string;
  readonly kind: string;
  readonly name: string | undefined;
  readonly consumer: string | undefined;
}

export interface OperationSpan extends CallTracing {
  /** @param codes of its errors, some of them */
  end(codes?: readonly string[]): void;
}

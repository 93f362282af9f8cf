/** What a gRPC status means, as one of the gateway's typed errors. */
import { type ServiceError, status as Status } from '@grpc/grpc-js';
import { UpstreamError } from '../../errors.ts';
import { knownCode } from '../../upstream/codes.ts';
import type { AnswerTypes } from './answers.ts';
import { readErrorDetails } from './error-details.ts';

/** Statuses that grpc-js makes up itself about answers it cannot use; it offers no other mark than their text. */
const UNUSABLE =
  /^(?:Received message (?:larger than|that decompresses)|No message received|Too many responses received|Failed to decompress)/;

/** Statuses that the client makes itself too. Their details then name addresses, which are nobody's business. */
const LOCAL: ReadonlySet<number> = new Set([Status.CANCELLED, Status.DEADLINE_EXCEEDED, Status.UNAVAILABLE]);

/** Whether nobody has said it: the connection was lost, or the stream refused, and the client made it up. */
export function isLocal({ code, metadata }: ServiceError): boolean {
  return LOCAL.has(code) && Object.keys(metadata.getMap()).length === 0;
}

/** @param aborted whether the caller has left or its time is over */
export function toStatusError(
  connector: string,
  error: ServiceError,
  answers: AnswerTypes,
  aborted: boolean,
): UpstreamError {
  if (aborted && error.code === Status.CANCELLED) return timedOut(connector, error);
  const status = Status[error.code] ?? String(error.code);
  const internal = `${status}: ${error.details}`;
  if (UNUSABLE.test(error.details))
    return new UpstreamError('UPSTREAM_INVALID', connector, { internal, status, cause: error });
  const local = isLocal(error);
  // By its own clock, a moment before or after the operation's.
  if (local && error.code === Status.DEADLINE_EXCEEDED) return timedOut(connector, error);
  // Without trailers nobody has said CANCELLED: a server that goes away resets its streams so.
  const code = local && error.code === Status.CANCELLED ? 'UPSTREAM_UNAVAILABLE' : knownCode(status);
  return new UpstreamError(code ?? 'UPSTREAM_FAILED', connector, {
    internal,
    status,
    detail: local ? undefined : readErrorDetails(error, answers),
    cause: error,
  });
}

export function timedOut(connector: string, cause?: unknown): UpstreamError {
  return new UpstreamError('UPSTREAM_TIMEOUT', connector, { internal: 'no answer in time', cause });
}

export function unreadable(connector: string, cause: unknown): UpstreamError {
  return new UpstreamError('UPSTREAM_INVALID', connector, {
    internal: `the answer is not of its message type: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  });
}

/** What a backend's messages look like: how a request is written and how its answer is read. */
import type { UpstreamError } from '../../errors.ts';
import type { TraceHeaders, TracePlace } from './trace-place.ts';

/** The id of a request. Texts are of characters that JSON needs not escape. */
export type MessageId = number | string;

/** One parsed message, or one element of an array of messages. */
export type Message = Readonly<Record<string, unknown>>;

export interface Protocol {
  /** Where a request tells of its trace; undefined where it does not. */
  readonly trace: TracePlace | undefined;
  /** Compiles what writes the requests of one method. */
  toRequest(method: string): WriteRequest;
  /** The id of the request that this message answers; undefined when it is no answer. */
  idOf(message: Message): unknown;
  /** What an answer says: the result (null when there is none) or the failure. */
  outcomeOf(message: Message): unknown | UpstreamError;
}

/** `params` undefined means that there are none, and so does `trace`. */
export type WriteRequest = (id: MessageId, params: unknown, trace?: TraceHeaders) => string;

export function toIdText(id: MessageId): string {
  return typeof id === 'number' ? String(id) : `"${id}"`;
}

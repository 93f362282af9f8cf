/** Where in a message a backend is told of the trace: all callers share one connection, so its handshake has no place for that of one. */
import { isObject } from '../../json-object.ts';
import { parsePath } from '../../mapping/path.ts';
import { type At, parse, type Report } from './pattern.ts';
import type { Message } from './protocol.ts';

/** Headers that tell of a trace: lower-case names. */
export type TraceHeaders = Readonly<Record<string, string>>;

export interface TracePlace {
  /** Names, from the message down. */
  readonly path: readonly string[];
  /** The message with the headers as an object there; the same one where something else stands in the way. */
  put(message: Message, headers: TraceHeaders): Message;
}

const AT: At = ['trace'];
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** Undefined when absent or after a reported problem. @param taken what stands at the top of every message, and is no object that could have it; undefined where messages are no objects */
export function toTracePlace(
  text: string | undefined,
  taken: ReadonlySet<string> | undefined,
  report: Report,
): TracePlace | undefined {
  const parsed = text === undefined ? undefined : parse(text, parsePath, AT, report);
  if (parsed === undefined) return undefined;
  if (taken === undefined) {
    report(AT, {
      rule: 'websocket-trace',
      message: 'The messages of "envelope.request" are no objects, so no place in them has a name.',
      found: text!,
      expected: 'no "trace"',
    });
    return undefined;
  }
  const path = parsed.flatMap((step) => (step.kind === 'key' ? [step.name] : []));
  const isNames = path.length === parsed.length && path.length > 0;
  if (!isNames || path.some((name) => FORBIDDEN.has(name)) || taken.has(path[0]!)) {
    report(AT, {
      rule: 'websocket-trace',
      message: 'This is no place of its own in a message.',
      found: text!,
      expected: 'names from the message down, such as "trace" or "params._meta"',
    });
    return undefined;
  }
  return { path, put: (message, headers) => put(message, path, headers) };
}

function put(message: Message, [name, ...rest]: readonly string[], headers: TraceHeaders): Message {
  const there = Object.hasOwn(message, name!) ? message[name!] : undefined;
  if (there !== undefined && !isObject(there)) return message;
  if (rest.length === 0) return { ...message, [name!]: { ...there, ...headers } };
  return { ...message, [name!]: put(there ?? {}, rest, headers) };
}

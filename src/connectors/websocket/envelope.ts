/** Messages of a shape that connector.yml describes. */
import { Kind, type ValueNode } from 'graphql';
import type { Values } from '../../mapping/values.ts';
import { codeIn, type ErrorCodes } from '../../upstream/codes.ts';
import type { WebsocketOptions } from './options.ts';
import { type Report, refersTo, toLiteral, toMessageReader, toTest } from './pattern.ts';
import type { Message, Protocol } from './protocol.ts';
import { toTracePlace } from './trace-place.ts';

const NAMES = ['id', 'method', 'params'] as const;

/** Undefined after reported problems. */
export function envelope(
  settings: NonNullable<WebsocketOptions['envelope']>,
  { codes, tracePath }: { readonly codes: ErrorCodes; readonly tracePath: string | undefined },
  report: Report,
): Protocol | undefined {
  const request = toLiteral(settings.request, NAMES, ['envelope', 'request'], report);
  for (const name of ['id', 'method']) {
    if (request === undefined || refersTo(request, name)) continue;
    report(['envelope', 'request'], {
      rule: 'websocket-envelope',
      message: `A request has to carry $${name}.`,
      found: settings.request,
      hint: name === 'id' ? 'the answer is recognised by it' : undefined,
    });
  }
  const trace = request && toTracePlace(tracePath, membersOf(request.node), report);
  const { response } = settings;
  const at = ['envelope', 'response'];
  const read = (name: 'id' | 'result' | 'error' | 'code') =>
    toMessageReader(response[name], [...at, name], report);
  const id = read('id');
  const result = read('result');
  const error = read('error');
  const code = read('code');
  const isAnswer = toTest(response.where, [...at, 'where'], report);
  const isFailure = toTest(response.failure, [...at, 'failure'], report) ?? isSomething(error);
  if (request === undefined || id === undefined) return undefined;
  return {
    trace,
    toRequest: (method) => (id, params, headers) => {
      const message = request.evaluate(asArguments({ id, method, params })) as Message;
      return JSON.stringify(trace && headers ? trace.put(message, headers) : message);
    },
    idOf: (message) => (isAnswer === undefined || isAnswer(message) ? (id(message) ?? undefined) : undefined),
    outcomeOf(message) {
      if (!isFailure(message)) return (result === undefined ? message : result(message)) ?? null;
      const detail = error?.(message);
      return codes.toError(code === undefined ? codeOf(detail) : code(message), 'rejected', { detail });
    },
  };
}

export function asArguments(args: Values['args']): Values {
  return { args, parent: NOTHING, claims: NOTHING };
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

function isSomething(error: ((message: unknown) => unknown) | undefined): (message: unknown) => boolean {
  if (error === undefined) return () => false;
  return (message) => {
    const found = error(message);
    return found !== undefined && found !== null && found !== false;
  };
}

/** Without a path to it: the error's own `code`, or the error itself when it is a word or a number. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? codeIn(error) : error;
}

/** What of a message is no object; parameters nearly always are one. Undefined where the message itself is none. */
function membersOf(node: ValueNode): ReadonlySet<string> | undefined {
  if (node.kind !== Kind.OBJECT) return undefined;
  const mayHaveIt = (value: ValueNode) =>
    value.kind === Kind.OBJECT || (value.kind === Kind.VARIABLE && value.name.value === 'params');
  return new Set(node.fields.flatMap(({ name, value }) => (mayHaveIt(value) ? [] : [name.value])));
}

/** JSON-RPC 2.0 (jsonrpc.org/specification). Read leniently where servers are known to differ, see the comments. */
import type { UpstreamError } from '../../errors.ts';
import type { ErrorCodes, Meaning } from '../../upstream/codes.ts';
import type { Report } from './pattern.ts';
import { type Message, type Protocol, toIdText } from './protocol.ts';
import { toTracePlace } from './trace-place.ts';

/** What stands in every request, and is no object. */
const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method']);

export function jsonRpc(codes: ErrorCodes, tracePath: string | undefined, report: Report): Protocol {
  const trace = toTracePlace(tracePath, MEMBERS, report);
  return {
    trace,
    toRequest(method) {
      const name = JSON.stringify(method);
      return (id, params, headers) => {
        if (trace !== undefined && headers !== undefined)
          return JSON.stringify(trace.put({ jsonrpc: '2.0', id, method, params }, headers));
        return params === undefined
          ? `{"jsonrpc":"2.0","id":${toIdText(id)},"method":${name}}`
          : `{"jsonrpc":"2.0","id":${toIdText(id)},"method":${name},"params":${JSON.stringify(params)}}`;
      };
    },
    // A message with a method is the backend's own request or notification, whatever id it carries.
    idOf: (message) => (message.method === undefined ? (message.id ?? undefined) : undefined),
    outcomeOf(message) {
      const { error } = message;
      // Servers of version 1 descent send `error: null` beside a result.
      if (error !== undefined && error !== null) return toError(error, codes);
      // A method without a result comes without the key, since JSON has no undefined.
      return message.result ?? null;
    },
  };
}

function toError(error: unknown, codes: ErrorCodes): UpstreamError {
  if (typeof error !== 'object' || error === null)
    return codes.toError(undefined, 'failed', { detail: error });
  const { code, message, data } = error as Message;
  return codes.toError(code, meaningOf(code), {
    detail: data === undefined ? { message } : { message, data },
    ownNumbers: true,
  });
}

/** Section 5.1: -32603 is an internal error, -32000 to -32099 are the server's own; all others say what is wrong with the request. */
function meaningOf(code: unknown): Meaning {
  if (typeof code !== 'number') return 'failed';
  return code === -32603 || (code <= -32000 && code >= -32099) ? 'failed' : 'rejected';
}

/** Compiles what connector.yml says about messages. There is no vendored file to read. */
import { ErrorCodes } from '../../upstream/codes.ts';
import type { ConnectorSource } from '../kind.ts';
import { envelope } from './envelope.ts';
import { type Feed, toFeed } from './feed.ts';
import { jsonRpc } from './jsonrpc.ts';
import type { WebsocketOptions } from './options.ts';
import { type Report, toLiteral } from './pattern.ts';
import type { Protocol } from './protocol.ts';

export interface WebsocketSpec {
  readonly isJsonRpc: boolean;
  readonly protocol: Protocol;
  /** Undefined when connector.yml does not say how to subscribe. */
  readonly feed: Feed | undefined;
  /** What the heartbeat sends instead of a ping frame. */
  readonly heartbeat: string | undefined;
}

export async function load(source: ConnectorSource<WebsocketOptions>): Promise<WebsocketSpec | undefined> {
  const { forward } = source.settings.headers;
  if (forward.length > 0) {
    source.report(['headers', 'forward'], {
      rule: 'websocket-forward',
      message: 'All callers share one connection, so no header of a single caller can travel on.',
      found: forward.join(', '),
      hint: 'send what the backend must know of the caller in args, e.g. { rider: $claims.sub }',
    });
  }
  if (source.settings.identity !== 'none') {
    source.report(['identity'], {
      rule: 'websocket-identity',
      message: 'All callers share one connection, so it cannot say who one of them is.',
      expected: 'none',
      hint: 'send what the backend must know of the caller in args, e.g. { rider: $claims.sub }',
    });
  }
  if (URL.parse(source.settings.endpoint)?.hash) {
    source.report(['endpoint'], {
      rule: 'invalid-endpoint',
      message: 'The address of a websocket has no fragment.',
      expected: 'an address without "#"',
    });
  }
  return toSpec(source.name, source.options, source.report);
}

/** Undefined after reported problems. */
export function toSpec(
  connector: string,
  options: WebsocketOptions,
  report: Report,
): WebsocketSpec | undefined {
  let problems = 0;
  const counted: Report = (at, problem) => {
    problems++;
    report(at, problem);
  };
  const isJsonRpc = options.envelope === undefined;
  if (!isJsonRpc && options.protocol !== undefined) {
    counted(['protocol'], {
      rule: 'websocket-envelope',
      message: 'A connector speaks one protocol.',
      found: '"protocol" and "envelope"',
      expected: 'one of the two',
    });
  }
  const codes = new ErrorCodes(connector, options.codes);
  const protocol =
    options.envelope === undefined
      ? jsonRpc(codes, options.trace, counted)
      : envelope(options.envelope, { codes, tracePath: options.trace }, counted);
  const feed = options.subscriptions && toFeed(options.subscriptions, isJsonRpc, protocol, codes, counted);
  const heartbeat = toHeartbeat(options, counted);
  return problems > 0 || protocol === undefined ? undefined : { isJsonRpc, protocol, feed, heartbeat };
}

function toHeartbeat({ heartbeat }: WebsocketOptions, report: Report): string | undefined {
  if (heartbeat === 'none' || heartbeat.message === undefined) return undefined;
  const literal = toLiteral(heartbeat.message, [], ['heartbeat', 'message'], report);
  return literal && JSON.stringify(literal.evaluate({ args: {}, parent: {}, claims: {} }));
}

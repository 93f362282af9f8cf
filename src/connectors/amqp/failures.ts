/** What the broker's exceptions and lost connections mean to a caller. */
import { UpstreamError } from '../../errors.ts';
import type { UpstreamCode } from '../../upstream/codes.ts';

/** Reply code of a message that no queue took. */
export const NO_ROUTE = 312;

/** Reply code of a virtual host that is not there, or not for this user. */
const NOT_ALLOWED = 530;

/** The typed error of what amqplib throws or emits. Without a reply code it is a connection that is gone. */
export function toBrokerError(connector: string, cause: unknown): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  const status = replyCodeOf(cause);
  return new UpstreamError(codeOf(status), connector, {
    internal: cause instanceof Error ? cause.message : String(cause),
    status: status === undefined ? undefined : String(status),
    cause,
  });
}

export function lostConnection(connector: string, cause: unknown): UpstreamError {
  return new UpstreamError('UPSTREAM_UNAVAILABLE', connector, {
    internal: `the connection to the broker was lost: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  });
}

/** The broker refused the login, so other credentials may help. */
export function isLoginRefused(cause: unknown): boolean {
  return replyCodeOf(cause) === 403;
}

function codeOf(status: number | undefined): UpstreamCode {
  switch (status) {
    case 402: // no such virtual host
    case 403:
    case NOT_ALLOWED:
      return 'UPSTREAM_DENIED';
    case 405: // a queue that belongs to somebody else
    case 406:
    case 311:
      return 'UPSTREAM_REJECTED';
    default:
      // A missing exchange or queue (404) is what a service that is not there looks like.
      return 'UPSTREAM_UNAVAILABLE';
  }
}

/** amqplib has codes on errors of channels and open connections, and only a text for those of the handshake. */
function replyCodeOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as { code?: unknown };
  if (typeof code === 'number') return code;
  const match = /^Handshake terminated by server: (\d{3})\b/.exec(cause.message);
  if (match !== null) return Number(match[1]);
  // The only thing that amqplib says when the broker refuses the virtual host.
  return cause.message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose')
    ? NOT_ALLOWED
    : undefined;
}

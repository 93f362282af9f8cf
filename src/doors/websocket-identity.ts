/** Who opens a socket: by what its request carries and what `connection_init` says. */

import { type ErrorCode, HemError } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { RequestNotes } from '../operation/watch/request-notes.ts';
import { carriesKey } from '../principal/credentials.ts';
import { closeOf, identifySocket } from './authentication.ts';
import { keyNamedIn } from './credentials.ts';
import { remoteOf } from './hops.ts';
import type { RequestLog } from './request-log.ts';
import { endPeer, type Peer } from './websocket-peer.ts';

/** Finds out who opens a socket, and sees to its end when that is over. @returns false when it is not let in */
export async function letIn(
  endpoint: Endpoint,
  requestLog: RequestLog | undefined,
  peer: Peer,
  params: Readonly<Record<string, unknown>> | undefined,
): Promise<boolean> {
  const startedAt = performance.now();
  try {
    const { message, sender } = peer;
    const opening = { headers: message.headers, peer: sender.peer, isSecure: sender.isSecure };
    const { principal, said } = await identifySocket(endpoint, opening, params);
    peer.principal = principal;
    // What connectors forward is what the caller is known by.
    peer.headers = withSaid(peer.headers, said);
    if (peer.socket.readyState === peer.socket.OPEN)
      peer.forgetEnd = endpoint.authenticator?.onEnd(principal, (why) => endPeer(peer, why)) ?? (() => {});
    return true;
  } catch (error) {
    if (!(error instanceof HemError)) throw error;
    const refusedKey = keyNamedIn(endpoint, peer.message.headers, params);
    noteRefusal(endpoint, requestLog, peer, { code: error.code, refusedKey, startedAt });
    const { code, reason } = closeOf(error);
    peer.socket.close(code, reason);
    return false;
  }
}

/** A socket that is not let in, or does not keep to the protocol, is counted and gets a line of the log. */
export function noteRefusal(
  endpoint: Endpoint,
  requestLog: RequestLog | undefined,
  { requestId, message, sender, principal }: Peer,
  {
    code,
    ...asked
  }: { readonly code: ErrorCode; readonly refusedKey?: string | undefined; readonly startedAt?: number },
): void {
  const notes = new RequestNotes();
  endpoint.noteRefusal(code, { notes });
  if (requestLog === undefined) return;
  notes.refusedKey = asked.refusedKey;
  const remote = remoteOf(sender, message);
  const { startedAt } = asked;
  requestLog.websocket({ requestId, client: endpoint.name, principal, remote, notes, startedAt });
}

/** A key is no backend's business; nor is the token that it came instead of. */
function withSaid(headers: Peer['headers'], said: Peer['headers']): Peer['headers'] {
  const { authorization, ...rest } = { ...headers, ...said };
  return authorization === undefined || carriesKey(authorization) ? rest : { ...rest, authorization };
}

/** An upgrade behind requests that are not answered yet would get mixed up in their answers: it waits for them (RFC 9112, 9.3.2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Take = (message: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** @param unanswered the responses to earlier requests of a connection @param patienceMs after which it is closed */
export function inTurn(
  take: Take,
  {
    unanswered,
    patienceMs,
  }: {
    readonly unanswered: (socket: Duplex) => readonly ServerResponse[];
    readonly patienceMs: number;
  },
): Take {
  return (message, socket, head) => {
    // node:http has let go of the socket: whatever becomes of it is seen to here.
    socket.on('error', () => socket.destroy());
    if (unanswered(socket).length === 0) return take(message, socket, head);
    const patience = setTimeout(() => socket.destroy(), patienceMs);
    socket.once('close', () => {
      // Those whose turn to be answered had not come are told by nobody else.
      for (const response of unanswered(socket))
        if (response.socket === null) response.destroy().emit('close');
    });
    const takeInTurn = () => {
      const [before] = unanswered(socket);
      if (before !== undefined) return void before.once('close', takeInTurn);
      clearTimeout(patience);
      if (!socket.destroyed) take(message, socket, head);
    };
    takeInTurn();
  };
}

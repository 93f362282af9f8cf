/** Every connection of a listener, also those that are not, or no longer, HTTP: whoever stops has to see to all of them. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';

export class OpenSockets {
  readonly #all = new Set<Socket>();
  /** By whom they are with: over TLS the handshake is still to come. */
  readonly #unsecured = new Map<string, Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      this.#all.add(socket);
      if (server instanceof TlsServer) this.#unsecured.set(peer, socket);
      socket.once('close', () => {
        this.#all.delete(socket);
        if (this.#unsecured.get(peer) === socket) this.#unsecured.delete(peer);
      });
    });
    server.on('secureConnection', (socket: TLSSocket) => this.#unsecured.delete(peerOf(socket)));
  }

  /** Ends those on which nobody has said anything that could be answered. */
  destroyUnsecured(): void {
    for (const socket of this.#unsecured.values()) socket.destroy();
  }

  destroyAll(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

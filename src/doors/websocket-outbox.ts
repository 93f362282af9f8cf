/** What is being sent to a socket: the library goes on with an operation when its message has left, and at once when nobody wants it. */
import type { WebSocket } from 'ws';

/** The library writes the id of an operation first. */
const ID = /^\{"id":("[^"\\]*(?:\\.[^"\\]*)*")/;

interface Message {
  readonly text: string;
  readonly resolve: () => void;
}

export class Outbox {
  readonly #socket: WebSocket;
  readonly #awaited = new Set<Message>();
  #released = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** How many messages have not left that nobody waits for. */
  get released(): number {
    return this.#released;
  }

  /** Resolves when the message has left or is released; a socket that is closed takes none and nobody waits for it. */
  send(text: string): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.readyState !== socket.OPEN) {
        resolve();
        return;
      }
      const message = { text, resolve };
      this.#awaited.add(message);
      socket.send(text, () => {
        if (this.#awaited.delete(message)) resolve();
        else this.#released--;
      });
    });
  }

  /** Resolves when it has left, likewise. */
  pong(data: Buffer): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.readyState === socket.OPEN) socket.pong(data, false, () => resolve());
      else resolve();
    });
  }

  /** Nobody waits any more for the messages of operations that are over. */
  release(isOver: (id: string) => boolean): void {
    for (const message of this.#awaited) {
      const id = ID.exec(message.text)?.[1];
      if (id === undefined || !isOver(JSON.parse(id) as string)) continue;
      this.#awaited.delete(message);
      this.#released++;
      message.resolve();
    }
  }
}

/** Finds out that the other side is gone although nobody closed the connection. */
import type { WebSocket } from 'ws';

export interface HeartbeatSettings {
  readonly every: number;
  readonly timeout: number;
  /** What to send instead of a ping frame. */
  readonly message: string | undefined;
}

export class Heartbeat {
  readonly #socket: WebSocket;
  readonly #settings: HeartbeatSettings;
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;
  #asked = false;
  #heard = false;
  #stopped = false;

  /** @param onSilence called once when nothing came back in time */
  constructor(socket: WebSocket, settings: HeartbeatSettings, onSilence: () => void) {
    this.#socket = socket;
    this.#settings = settings;
    this.#onSilence = onSilence;
    this.#rest(settings.every);
  }

  /** Something arrived. Called for every frame. */
  heard(): void {
    this.#heard = true;
  }

  /** Asks now instead of at the next beat. */
  probe(): void {
    if (this.#asked || this.#stopped) return;
    this.#asked = true;
    this.#heard = false;
    clearTimeout(this.#timer);
    if (this.#settings.message === undefined) this.#socket.ping();
    else this.#socket.send(this.#settings.message);
    // After a blocked event loop timers run before sockets are read: what has arrived meanwhile is read first.
    this.#timer = setTimeout(() => setImmediate(() => this.#judge()), this.#settings.timeout);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #rest(ms: number): void {
    this.#timer = setTimeout(() => this.probe(), ms);
  }

  #judge(): void {
    if (this.#stopped) return;
    this.#asked = false;
    const { every, timeout } = this.#settings;
    if (this.#heard) this.#rest(Math.max(0, every - timeout));
    else this.#onSilence();
  }
}

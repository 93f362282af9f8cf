/** Finds out that the other side is gone although nobody closed the connection. */

export interface HeartbeatSettings {
  readonly every: number;
  readonly timeout: number;
}

/** The connection that is watched. */
export interface Watched {
  /** Asks the other side for a sign of life. */
  ping(): void;
  /** Counts every byte: the answer may be behind a message that takes long to arrive. */
  readonly transport: { readonly bytesRead: number };
  /** Called once when nothing came back in time. */
  onSilence(): void;
}

export class Heartbeat {
  readonly #watched: Watched;
  readonly #settings: HeartbeatSettings;
  #timer: NodeJS.Timeout | undefined;
  #asked = false;
  #bytesBefore = 0;
  #stopped = false;

  constructor(watched: Watched, settings: HeartbeatSettings) {
    this.#watched = watched;
    this.#settings = settings;
    this.#rest(settings.every);
  }

  /** Asks now instead of at the next beat. */
  probe(): void {
    if (this.#asked || this.#stopped) return;
    this.#asked = true;
    this.#bytesBefore = this.#watched.transport.bytesRead;
    clearTimeout(this.#timer);
    this.#watched.ping();
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
    if (this.#watched.transport.bytesRead !== this.#bytesBefore) this.#rest(Math.max(0, every - timeout));
    else this.#watched.onSilence();
  }
}

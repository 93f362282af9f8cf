/** Standard output as the log writes to it: whoever reads there slowly, or not at all, keeps nobody waiting. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Lines of requests are written together: when there are so many characters of them, and four times a second. */
const GATHERED_CHARACTERS = 16_000;
const GATHERED_MS = 250;
/** What waits for whoever reads; further lines are dropped. */
const MAX_WAITING_BYTES = 8 * 1024 ** 2;
/** How long the end waits for whoever reads. */
const DRAIN_MS = 1000;

interface Lines {
  write(line: string): void;
}

export class StandardOutput implements Disposable {
  /** Each at once, after those that were gathered before it. */
  readonly now: Lines = {
    write: (line) => {
      this.#gathered += line;
      this.#flush();
    },
  };
  /** Many together. */
  readonly gathered: Lines = {
    write: (line) => {
      this.#gathered += line;
      if (this.#gathered.length >= GATHERED_CHARACTERS) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flush(), GATHERED_MS).unref();
    },
  };
  #gathered = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #onExit = () => this.#flush();

  constructor() {
    process.once('exit', this.#onExit);
    // Who has left reads nothing any more.
    process.stdout.on('error', ignore);
  }

  [Symbol.dispose](): void {
    this.#flush();
    process.off('exit', this.#onExit);
    process.stdout.off('error', ignore);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#gathered;
    this.#gathered = '';
    const { stdout } = process;
    if (text !== '' && stdout.writable && stdout.writableLength < MAX_WAITING_BYTES) stdout.write(text);
  }
}

/** Until all that was written is read, or will not be in time. */
export async function drained(): Promise<void> {
  const { stdout } = process;
  if (!stdout.writable || stdout.writableLength === 0) return;
  const written = new Promise<void>((resolve) => stdout.write('', () => resolve()));
  await Promise.race([written, sleep(DRAIN_MS, undefined, { ref: false })]);
}

function ignore(): void {}

/** Processes that use limits, each by Node itself. */

import type { Work } from '../store/limit-worker.ts';
import { RunningCommand } from './command.ts';

export interface Used {
  readonly admitted: number;
  readonly refused: number;
  readonly byProcess: number;
}

export class LimitProcess implements Disposable {
  readonly #command: RunningCommand;

  constructor(work: Work) {
    this.#command = new RunningCommand([
      process.execPath,
      'test/store/limit-worker.ts',
      JSON.stringify(work),
    ]);
  }

  get begins(): boolean {
    return this.#command.output.includes('"begins"\n');
  }

  /** What it said last. */
  get used(): Used | undefined {
    const line =
      this.#command.output.slice(0, this.#command.output.lastIndexOf('\n')).split('\n').at(-1) ?? '';
    return line.startsWith('{') ? (JSON.parse(line) as Used) : undefined;
  }

  /** @throws {Error} with what it wrote, where it did not end well */
  async end(): Promise<Used> {
    const code = await this.#command.closed;
    if (code !== 0 || this.used === undefined) throw new Error(`ended with ${code}: ${this.#command.output}`);
    return this.used;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#command.process.kill('SIGKILL');
    await this.#command.closed;
  }

  [Symbol.dispose](): void {
    this.#command[Symbol.dispose]();
  }
}

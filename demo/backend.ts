/** A backend of the demo that can be stopped and started again at the same address. */
import type { DemoServer } from './server.ts';

export class DemoBackend implements AsyncDisposable {
  readonly name: string;
  /** The same after a restart. */
  readonly url: string;
  readonly #open: () => Promise<DemoServer>;
  #server: DemoServer | undefined;

  private constructor(name: string, server: DemoServer, open: () => Promise<DemoServer>) {
    this.name = name;
    this.url = server.url;
    this.#server = server;
    this.#open = open;
  }

  /** @param open starts the server, each time at the same address */
  static async start(name: string, open: () => Promise<DemoServer>): Promise<DemoBackend> {
    return new DemoBackend(name, await open(), open);
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  /** What it had changed since its start is forgotten. */
  async start(): Promise<void> {
    this.#server ??= await this.#open();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

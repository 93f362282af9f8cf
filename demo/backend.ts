/** A backend of the demo that can be stopped and started again at the same address. */
import { choosePort, type DemoServer } from './server.ts';

export class DemoBackend implements AsyncDisposable {
  readonly name: string;
  /** The same after a restart. */
  readonly url: string;
  readonly #open: (port: number) => Promise<DemoServer>;
  #server: DemoServer | undefined;

  private constructor(name: string, server: DemoServer, open: (port: number) => Promise<DemoServer>) {
    this.name = name;
    this.url = server.url;
    this.#server = server;
    this.#open = open;
  }

  /** @param port the preferred one; a free one is taken when it is in use, or for 0 */
  static async start(
    name: string,
    port: number,
    open: (port: number) => Promise<DemoServer>,
  ): Promise<DemoBackend> {
    return new DemoBackend(name, await open(port === 0 ? 0 : await choosePort(port)), open);
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  /** What it had changed since its start is forgotten. */
  async start(): Promise<void> {
    this.#server ??= await this.#open(Number(new URL(this.url).port));
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

/** The open connections of a gateway, one per connector. */
import type { Logger } from 'pino';
import type { Connection } from './connectors/kind.ts';
import type { Connections, Connector } from './load/model.ts';
import { openCredentials } from './upstream/credentials.ts';
import { OutgoingHeaders } from './upstream/headers.ts';

export class OpenConnections implements Connections, AsyncDisposable {
  readonly watch: Connections['watch'];
  readonly #open = new Map<
    string,
    { readonly connection: Connection<unknown>; readonly credentials: AsyncDisposable }
  >();

  /** Opens all. Waits for no backend. @param watch what watches the calls that are made */
  constructor(connectors: readonly Connector[], log: Logger, watch?: Connections['watch']) {
    this.watch = watch;
    for (const { name, kind, settings, options } of connectors) {
      const credentials = openCredentials(name, settings);
      const headers = new OutgoingHeaders(settings, credentials);
      const connection = kind.connect({
        name,
        settings,
        options,
        headers,
        log: log.child({ connector: name }),
      });
      this.#open.set(name, { connection, credentials });
    }
  }

  get(connector: string): Connection<unknown> {
    return this.#open.get(connector)!.connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(
      [...this.#open.values()].flatMap(({ connection, credentials }) => [
        connection[Symbol.asyncDispose](),
        credentials[Symbol.asyncDispose](),
      ]),
    );
  }
}

/** The open connections of a gateway, one per connector. */
import type { Logger } from 'pino';
import type { CacheSize } from './bounded-cache.ts';
import type { CallContext } from './call-context.ts';
import type { Connection, ConnectionSetup } from './connectors/kind.ts';
import type { PublicJwk } from './connectors/signing-key.ts';
import type { Connections, Connector } from './load/model.ts';
import { TagClock } from './tag-clock.ts';
import { Breaker, type BreakerState } from './upstream/breaker.ts';
import { openCredentials } from './upstream/credentials.ts';
import { OutgoingHeaders } from './upstream/headers.ts';
import { type Identity, openIdentity } from './upstream/identity.ts';
import type { Lookup } from './upstream/shared-calls.ts';

export class OpenConnections implements Connections, AsyncDisposable {
  readonly watch: Connections['watch'];
  readonly #open = new Map<
    string,
    {
      readonly connection: Connection<unknown>;
      readonly headers: OutgoingHeaders;
      readonly identity: Identity | undefined;
    }
  >();
  readonly #closing: AsyncDisposable[] = [];

  /** Opens all, or what it has opened is closed again. Waits for no backend. @param watch what watches the calls that are made @param onBreaker told of the states of circuits @param onLookup told of calls that could be answered from what is kept @param onKeeping given what tells how much is kept */
  constructor(
    connectors: readonly Connector[],
    log: Logger,
    {
      clock = new TagClock(),
      watch,
      onBreaker,
      onLookup,
      onKeeping,
    }: {
      readonly clock?: TagClock;
      readonly watch?: Connections['watch'];
      readonly onBreaker?: ((connector: string, state: BreakerState) => void) | undefined;
      readonly onLookup?: ((connector: string, lookup: Lookup) => void) | undefined;
      readonly onKeeping?: ((connector: string, size: () => CacheSize) => void) | undefined;
    } = {},
  ) {
    this.watch = watch;
    const openOne = ({ name, kind, settings, options, types }: Connector): void => {
      const credentials = this.#closedLater(openCredentials(name, settings));
      const identity = this.#closedLater(openIdentity(name, settings));
      const logged = log.child({ connector: name });
      const { breaker } = settings.resilience;
      const onState = onBreaker && ((state: BreakerState) => onBreaker(name, state));
      const headers = new OutgoingHeaders(settings, credentials, identity);
      const setup: ConnectionSetup<unknown> = {
        name,
        settings,
        options,
        headers,
        outOfDate: { clock, tags: [...types.keys()].flatMap((type) => [type, `${type}:*`]) },
        breaker: breaker.enabled ? new Breaker(name, breaker, { log: logged, onState }) : undefined,
        onLookup: onLookup && ((lookup) => onLookup(name, lookup)),
        onKeeping: onKeeping && ((size) => onKeeping(name, size)),
        log: logged,
      };
      const connection = this.#closedLater(kind.connect(setup));
      this.#open.set(name, { connection, headers, identity });
    };
    try {
      for (const connector of connectors) openOne(connector);
    } catch (error) {
      void this[Symbol.asyncDispose]();
      throw error;
    }
  }

  get(connector: string): Connection<unknown> {
    return this.#open.get(connector)!.connection;
  }

  obtained(connector: string, caller: Pick<CallContext, 'principal'>): readonly string[] {
    return this.#open.get(connector)?.headers.obtained(caller) ?? [];
  }

  /** What backends check by what Hem signs for them: each key once. */
  publicKeys(): readonly PublicJwk[] {
    const keys = [...this.#open.values()].flatMap(({ identity }) =>
      identity?.publicJwk === undefined ? [] : [identity.publicJwk],
    );
    return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#closing.map((one) => one[Symbol.asyncDispose]()));
  }

  #closedLater<One extends AsyncDisposable | undefined>(one: One): One {
    if (one !== undefined) this.#closing.push(one);
    return one;
  }
}

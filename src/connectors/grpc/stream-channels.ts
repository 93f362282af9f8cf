/**
 * The connections that streams have to themselves. A stream keeps its place on one for as long as it lives, and a backend allows only so
 * many on each: on the connection of unary calls they would leave those no room.
 */
import type { ChannelOptions, Client } from '@grpc/grpc-js';
import { UpstreamError } from '../../errors.ts';
import type { ConnectionSetup } from '../kind.ts';
import { Connecting, openClient } from './channel.ts';
import type { GrpcOptions } from './options.ts';

const OWN: ChannelOptions = {
  // Channels to the same address would share their connection.
  'grpc.use_local_subchannel_pool': 1,
  // grpc-js keeps a copy of what is sent, to send it again, and calls it written at once; without the copy it says when it has left.
  'grpc.per_rpc_retry_buffer_size': 0,
};

/** A place for one stream at a time, until it is disposed of. */
export interface StreamChannel extends Disposable {
  readonly client: Client;
  readonly connecting: Connecting;
}

interface Shared {
  readonly client: Client;
  readonly connecting: Connecting;
  /** Places that are taken. */
  streams: number;
}

export class StreamChannels {
  readonly #setup: ConnectionSetup<GrpcOptions>;
  /** The oldest first, so that later ones empty and can be closed. */
  readonly #open = new Set<Shared>();
  #closed = false;

  constructor(setup: ConnectionSetup<GrpcOptions>) {
    this.#setup = setup;
  }

  /**
   * On a further channel when all are full.
   * @throws {UpstreamError} UPSTREAM_UNAVAILABLE after `close`
   */
  take(): StreamChannel {
    const { name, options } = this.#setup;
    if (this.#closed)
      throw new UpstreamError('UPSTREAM_UNAVAILABLE', name, { internal: 'closed by the gateway' });
    const { perConnection } = options.streams;
    const shared = [...this.#open].find(({ streams }) => streams < perConnection) ?? this.#add();
    shared.streams++;
    const { client, connecting } = shared;
    return { client, connecting, [Symbol.dispose]: () => this.#leave(shared) };
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#open) client.close();
    this.#open.clear();
  }

  #add(): Shared {
    const { name, settings } = this.#setup;
    const client = openClient(this.#setup, OWN);
    const connecting = new Connecting(name, client.getChannel(), settings.timeouts.connectMs);
    const shared = { client, connecting, streams: 0 };
    this.#open.add(shared);
    return shared;
  }

  /** The last channel stays for who comes next. */
  #leave(shared: Shared): void {
    shared.streams--;
    if (shared.streams === 0 && this.#open.size > 1 && this.#open.delete(shared)) shared.client.close();
  }
}

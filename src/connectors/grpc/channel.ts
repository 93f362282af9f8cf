/** A connection to a gRPC backend: an HTTP/2 channel, which connects at the first call and again whenever it breaks. */
import { isIP } from 'node:net';
import { checkServerIdentity as checkIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { type ChannelOptions, Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { Cancellation } from '../../cancellation.ts';
import { UpstreamError } from '../../errors.ts';
import { waitFor } from '../../upstream/deadline.ts';
import { hostOf } from '../../upstream/host-of.ts';
import { toTlsOptions } from '../../upstream/tls.ts';
import type { ConnectionSetup } from '../kind.ts';
import type { GrpcOptions } from './options.ts';
import { timedOut } from './status.ts';

/** @param own what this channel has beyond the settings that all of the connector's have */
export function openClient(setup: ConnectionSetup<GrpcOptions>, own: ChannelOptions = {}): Client {
  const { endpoint, tls, limits } = setup.settings;
  const { keepalive, reconnect } = setup.options;
  const url = new URL(endpoint);
  const options: ChannelOptions = {
    'grpc.max_receive_message_length': limits.responseBytes,
    'grpc.keepalive_time_ms': keepalive,
    'grpc.keepalive_timeout_ms': 20_000,
    // A backend that comes back is used again within seconds; grpc-js waits up to two minutes.
    'grpc.initial_reconnect_backoff_ms': Math.min(200, reconnect.minMs),
    'grpc.max_reconnect_backoff_ms': Math.min(5000, reconnect.maxMs),
    'grpc.dns_min_time_between_resolutions_ms': 5000,
    // What is configured is in connector.yml: not in DNS, and not in the environment's proxy variables.
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    ...own,
  };
  if (url.protocol === 'grpc:') return new Client(url.host, credentials.createInsecure(), options);
  const { servername, ...trust } = toTlsOptions(tls);
  const address = hostOf(url);
  const isAddress = servername === undefined && isIP(address) !== 0;
  // grpc-js would ask for an address by name, which Node refuses (RFC 6066, 3): it asks for nobody, and the address has to be right.
  const asked = isAddress ? NOBODY : servername;
  if (asked !== undefined) options['grpc.ssl_target_name_override'] = asked;
  if (servername !== undefined) options['grpc.default_authority'] = servername;
  const checkServerIdentity = (_name: string, certificate: PeerCertificate) =>
    checkIdentity(address, certificate);
  const security = credentials.createFromSecureContext(
    createSecureContext(trust),
    isAddress ? { checkServerIdentity } : {},
  );
  return new Client(url.host, security, options);
}

/** RFC 2606, 2 */
const NOBODY = 'address.invalid';

type Channel = ReturnType<Client['getChannel']>;

/**
 * Lets calls wait while a connection is being made, for `connectMs` at most. A channel whose last attempt failed lets
 * calls pass: they fail at once, with the reason, until it has recovered.
 */
export class Connecting {
  readonly #connector: string;
  readonly #channel: Channel;
  readonly #connectMs: number;
  #attempt: Promise<void> | undefined;

  constructor(connector: string, channel: Channel, connectMs: number) {
    this.#connector = connector;
    this.#channel = channel;
    this.#connectMs = connectMs;
  }

  get isReady(): boolean {
    return this.#channel.getConnectivityState(false) === connectivityState.READY;
  }

  /** @throws {UpstreamError} UPSTREAM_UNAVAILABLE, or UPSTREAM_TIMEOUT when the caller may wait no longer */
  wait(limitMs: number, cancellation: Cancellation): Promise<void> {
    this.#attempt ??= this.#watch().finally(() => {
      this.#attempt = undefined;
    });
    return waitFor(this.#attempt, limitMs, cancellation, () => timedOut(this.#connector));
  }

  /** One for all who wait. */
  #watch(): Promise<void> {
    const deadline = Date.now() + this.#connectMs;
    return new Promise((resolve, reject) => {
      const look = (error?: Error) => {
        if (error !== undefined) return reject(this.#unreachable());
        try {
          const state = this.#channel.getConnectivityState(true);
          if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return resolve();
          this.#channel.watchConnectivityState(state, deadline, look);
        } catch {
          // The channel was closed meanwhile.
          reject(this.#unreachable());
        }
      };
      look();
    });
  }

  #unreachable(): UpstreamError {
    return new UpstreamError('UPSTREAM_UNAVAILABLE', this.#connector, {
      internal: `no connection to ${this.#channel.getTarget()} within ${this.#connectMs} ms`,
    });
  }
}

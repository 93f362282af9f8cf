/** The connection to Redis: a single server, Sentinel or Cluster. Nothing waits for it longer than a command may take. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/settings/store-settings.ts';

export const MAX_RECONNECT_MS = 2000;
const CONNECT_MS = 2000;
/** A connection on which nothing comes for so long, though something was asked, is given up for a new one. */
const SILENT_MS = 5000;

export interface LinkOptions {
  /** Whoever asks has a deadline of its own, and wants to know also later what became of a command. */
  readonly lateAnswers?: boolean;
}

export class RedisLink implements AsyncDisposable {
  readonly client: Redis | Cluster;
  readonly prefix: string;
  readonly #settings: RedisSettings;
  readonly #log: Logger;
  #isTold = false;

  constructor(settings: RedisSettings, log: Logger, { lateAnswers = false }: LinkOptions = {}) {
    this.#settings = settings;
    this.prefix = settings.prefix;
    this.#log = log;
    this.client = connect(settings, lateAnswers ? {} : { commandTimeout: settings.timeout });
    this.client.on('error', (error) => this.#tell(error));
    this.client.on('ready', () => {
      if (this.#isTold) log.info('the store is back');
      this.#isTold = false;
    });
  }

  /** A connection of its own, for what cannot share one: hearing of publications. Whoever takes it closes it. */
  another(): Redis | Cluster {
    return connect(this.#settings, { commandTimeout: this.#settings.timeout });
  }

  get isUp(): boolean {
    return this.client.status === 'ready';
  }

  /** Whether a command would be sent wherever its keys lie: to every master of a Cluster there is a connection. */
  get isWhole(): boolean {
    const { client } = this;
    if (!this.isUp) return false;
    return !(client instanceof Cluster) || client.nodes('master').every(({ status }) => status === 'ready');
  }

  /** Called whenever a connection that was made has made it so. */
  onWhole(listener: () => void): void {
    const look = () => {
      if (this.isWhole) listener();
    };
    this.client.on('ready', look);
    this.client.on('+node', (node: Redis) => node.on('ready', look));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect();
  }

  #tell(error: unknown): void {
    if (!this.#isTold) this.#log.warn({ reason: reasonOf(error) }, 'the store cannot be reached');
    this.#isTold = true;
  }
}

/** What may be logged of an error. Errors of commands carry their arguments: of AUTH that is the password. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}

function connect(settings: RedisSettings, waiting: Pick<RedisOptions, 'commandTimeout'>): Redis | Cluster {
  const { url, sentinel, cluster, username, password, tls } = settings;
  const options: RedisOptions = {
    ...waiting,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    // A command that waits for a connection, or is sent again after one was lost, may be counted twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy,
    // It was a master until a failover: the next connection finds the new one. 1: the command is not sent again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  };
  if (cluster !== undefined) {
    const client = new Cluster(cluster.nodes.map(toAddress), {
      redisOptions: options,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      // A command whose connection was lost may have been executed: only what was certainly not is sent elsewhere.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
    });
    // The library connects a node with the first command for it, and refuses all that come before the connection is made. Its own first
    // command, by which it finds out whether the cluster is ready, is one of these.
    const open = (node: Redis) => node.status === 'wait' && void node.connect().catch(() => {});
    client.on('ready', () => client.nodes().forEach(open));
    client.on('+node', (node: Redis) => client.status === 'ready' && open(node));
    // Its own refreshing may go on after the connection is closed, and keep the process.
    const refresh = () => client.status === 'ready' && client.refreshSlotsCache();
    const refreshing = setInterval(refresh, MAX_RECONNECT_MS).unref();
    client.once('end', () => clearInterval(refreshing));
    return client;
  }
  if (sentinel !== undefined) {
    return new Redis({
      ...options,
      name: sentinel.name,
      sentinels: sentinel.nodes.map(toAddress),
      sentinelRetryStrategy: retryStrategy,
      sentinelCommandTimeout: CONNECT_MS,
      ...(tls ? { enableTLSForSentinelMode: true } : {}),
      ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    });
  }
  return new Redis(url ?? 'redis://127.0.0.1:6379', options);
}

function retryStrategy(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), MAX_RECONNECT_MS);
}

function toAddress(node: string): { readonly host: string; readonly port: number } {
  const at = node.lastIndexOf(':');
  return { host: node.slice(0, at).replace(/[[\]]/g, ''), port: Number(node.slice(at + 1)) };
}

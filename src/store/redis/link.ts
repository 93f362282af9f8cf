/** The connection to Redis: a single server, Sentinel or Cluster. Nothing waits for it longer than a command may take. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';

const MAX_RECONNECT_MS = 2000;

export class RedisLink implements AsyncDisposable {
  readonly client: Redis | Cluster;
  readonly prefix: string;
  readonly #settings: RedisSettings;

  constructor(settings: RedisSettings, log: Logger) {
    this.#settings = settings;
    this.prefix = settings.prefix;
    this.client = connect(settings);
    let told = false;
    this.client.on('error', (error) => {
      if (!told) log.warn({ err: error }, 'the store cannot be reached');
      told = true;
    });
    this.client.on('ready', () => {
      if (told) log.info('the store is back');
      told = false;
    });
  }

  /** A connection of its own, for what cannot share one: hearing of publications. Whoever takes it closes it. */
  another(): Redis | Cluster {
    return connect(this.#settings);
  }

  get isUp(): boolean {
    return this.client.status === 'ready';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect();
  }
}

function connect({
  url,
  sentinel,
  cluster,
  username,
  password,
  tls,
  timeout,
}: RedisSettings): Redis | Cluster {
  const options: RedisOptions = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    commandTimeout: timeout,
    // A command that waits for a connection, or is sent again after one was lost, may be counted twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), MAX_RECONNECT_MS),
  };
  if (cluster !== undefined) {
    return new Cluster(cluster.nodes.map(toAddress), { redisOptions: options, enableOfflineQueue: false });
  }
  if (sentinel !== undefined) {
    return new Redis({
      ...options,
      name: sentinel.name,
      sentinels: sentinel.nodes.map(toAddress),
      ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    });
  }
  return new Redis(url ?? 'redis://127.0.0.1:6379', options);
}

function toAddress(node: string): { readonly host: string; readonly port: number } {
  const at = node.lastIndexOf(':');
  return { host: node.slice(0, at), port: Number(node.slice(at + 1)) };
}

/** A Redis of one test's own, that may be killed, frozen and started again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Daemon, freePort, startDaemon } from './services/daemon.ts';
import { redis } from './services/redis.ts';

export interface PrivateRedisOptions {
  /** As on its command line. */
  readonly args?: readonly string[];
  /** A Sentinel with these lines in its file. */
  readonly sentinel?: readonly string[];
}

export class PrivateRedis implements AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  readonly #options: PrivateRedisOptions;
  #daemon: Daemon | undefined;

  private constructor(port: number, directory: string, options: PrivateRedisOptions) {
    this.port = port;
    this.url = redis.url(port);
    this.directory = directory;
    this.#options = options;
  }

  /** On a free port of 127.0.0.1. It keeps what it knows only where `args` say so. */
  static async start(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
    const directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
    const server = new PrivateRedis(await freePort(), directory, options);
    await server.start();
    return server;
  }

  get isRunning(): boolean {
    return this.#daemon !== undefined;
  }

  async start(): Promise<void> {
    const { args = [], sentinel } = this.#options;
    const file = join(this.directory, 'sentinel.conf');
    if (sentinel !== undefined) await writeFile(file, sentinel.join('\n'));
    const kind = sentinel === undefined ? ['--save', '', ...args] : ['--sentinel'];
    const common = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.directory,
      '--daemonize',
      'no',
    ];
    this.#daemon = await startDaemon({
      name: 'redis-server',
      command: ['redis-server', ...(sentinel === undefined ? [] : [file]), ...common, ...kind],
      directory: this.directory,
      probe: () => redis.probe(this.url),
      deadlineMs: 30_000,
    });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  /** It answers nothing, and keeps its connections. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#daemon !== undefined) process.kill(this.#daemon.pid, signal);
  }

  /** One command, on a connection of its own. */
  async command(name: string, ...args: readonly string[]): Promise<unknown> {
    const client = new Redis(this.url);
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

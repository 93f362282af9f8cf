/** Gateways that serve one configuration from one store: a process on the embedded one, or several on a Redis of their own. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newKey, type SigningKey } from '../auth/issuer.ts';
import { RidersBackend } from '../support/backends/graphql-riders.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { configurationFiles } from './configuration.ts';
import { GatewayProcess, hem } from './gateway-process.ts';

export type StoreKind = 'embedded' | 'redis';

/** What a command that makes a key says. */
export interface CreatedKey {
  readonly id: string;
  readonly key: string;
  readonly planVersion: number;
}

export class Deployment implements AsyncDisposable {
  readonly kind: StoreKind;
  readonly gateways: GatewayProcess[];
  readonly riders: RidersBackend;
  readonly issuer: SigningKey;
  readonly redis: PrivateRedis | undefined;
  readonly #everything: AsyncDisposableStack;

  private constructor(
    started: Pick<Deployment, 'kind' | 'gateways' | 'riders' | 'issuer' | 'redis'>,
    everything: AsyncDisposableStack,
  ) {
    this.kind = started.kind;
    this.gateways = started.gateways;
    this.riders = started.riders;
    this.issuer = started.issuer;
    this.redis = started.redis;
    this.#everything = everything;
  }

  /** One process on an embedded store, two on Redis, each in a directory of its own as on a machine of its own. */
  static async start(kind: StoreKind, { timeout = '1s' } = {}): Promise<Deployment> {
    await using unfinished = new AsyncDisposableStack();
    const shop = unfinished.use(await startJsonBackend(({ path }) => answerShop(path)));
    const riders = unfinished.use(await RidersBackend.start());
    // What it has answered is on its disk: what it is told after a kill has to fit that.
    const redis =
      kind === 'redis'
        ? unfinished.use(
            await PrivateRedis.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }),
          )
        : undefined;
    const issuer = await newKey('k1');
    const store = redis === undefined ? { kind } : { kind, url: redis.url, timeout };
    const files = configurationFiles({ shop: shop.url, riders: riders.url, issuer, store });
    const gateways: GatewayProcess[] = [];
    unfinished.defer(async () => {
      for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
    });
    for (let copy = 0; copy < (redis === undefined ? 1 : 2); copy++) {
      const directory = await writeConfiguration(files);
      unfinished.defer(() => rm(directory, { recursive: true, force: true }));
      gateways.push(await GatewayProcess.start(directory));
    }
    return new Deployment({ kind, gateways, riders, issuer, redis }, unfinished.move());
  }

  get directory(): string {
    return this.gateways[0]!.directory;
  }

  /** One after the other. */
  gateway(turn: number): GatewayProcess {
    return this.gateways[turn % this.gateways.length]!;
  }

  hem(...args: readonly string[]) {
    return hem(this.directory, ...args);
  }

  /** What a command says as JSON. @throws {Error} when it fails */
  async hemJson(...args: readonly string[]) {
    const { code, output } = await this.hem(...args, '--format', 'json');
    if (code !== 0) throw new Error(`hem ${args.join(' ')} ended with ${code}:\n${output}`);
    // Notes for people stand before it.
    return JSON.parse(output.slice(output.search(/^[{[]/m)));
  }

  /** A key of a new consumer or one that is there. It counts at once, and everywhere. */
  createKey(consumer: string, plan: string): Promise<CreatedKey> {
    return this.hemJson('keys', 'create', '--consumer', consumer, '--plan', plan);
  }

  /** Waits until it holds for each process. */
  async untilAll(holds: (gateway: GatewayProcess) => Promise<boolean>, withinMs = 10_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (const gateway of this.gateways)
      while (!(await holds(gateway))) {
        if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms at ${gateway.url}`);
        await sleep(10);
      }
  }

  /** The operators' token of a process. */
  async operatorToken({ directory }: GatewayProcess): Promise<string> {
    return (await readFile(join(directory, '.hem/admin-token'), 'utf8')).trim();
  }

  /** A file of the configuration, on all machines. */
  async write(path: string, content: string): Promise<void> {
    for (const { directory } of this.gateways) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
  }

  /** Ends a process, and starts another in its directory. */
  async restart(index: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const before = this.gateways[index]!;
    await before.end(signal);
    this.gateways[index] = await GatewayProcess.start(before.directory);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#everything.disposeAsync();
  }
}

function answerShop(path: string): unknown {
  if (path === '/invoices') return [{ number: 1 }];
  const id = /^\/items\/(\w+)$/.exec(path)?.[1];
  return id === undefined ? undefined : { id, name: `item ${id}`, price: 5 };
}

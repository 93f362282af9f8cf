/** A RabbitMQ of one test file's own, which may be stopped, blocked and reconfigured without anybody else noticing. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Daemon, findProgram, freePort } from '../../services/daemon.ts';
import { rabbitmq } from '../../services/rabbitmq.ts';

/** Debian's in the PATH changes to the user rabbitmq, who has another cookie. */
const CONTROL = '/usr/lib/rabbitmq/bin/rabbitmqctl';
const PLUGINS = '/usr/lib/rabbitmq/bin/rabbitmq-plugins';
/** The name under which the service starts it. */
const ADVANCED_SETTINGS = 'none.config';
const NODE = 'hem-test@localhost';

/** Why there can be no own RabbitMQ, or undefined. */
export function whyNoOwnRabbit(): string | undefined {
  if (process.platform !== 'linux') return 'it is managed through /proc';
  const missing = [...rabbitmq.programs, CONTROL].filter((program) => findProgram(program) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(', ')} is not installed`;
}

export class OwnRabbit implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  #daemon: Daemon | undefined;

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  /** @param settings Erlang terms, as in RabbitMQ's advanced.config */
  static async start(settings = '[].'): Promise<OwnRabbit> {
    const rabbit = new OwnRabbit(await mkdtemp(join(tmpdir(), 'hem-rabbit-')), await freePort());
    await writeFile(join(rabbit.directory, ADVANCED_SETTINGS), settings);
    await rabbit.start();
    return rabbit;
  }

  get url(): string {
    return rabbitmq.url(this.port);
  }

  async start(): Promise<void> {
    this.#daemon = await rabbitmq.start({ directory: this.directory, port: this.port });
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    await daemon?.stop();
  }

  /** Runs rabbitmqctl. */
  control(...args: readonly string[]): Promise<string> {
    return this.#run(CONTROL, args);
  }

  async enablePlugin(name: string): Promise<void> {
    await this.#run(PLUGINS, ['enable', name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(program, ['-n', NODE, ...args], {
      env: { ...(await this.#environment()), HOME: this.directory },
      timeout: 60_000,
    });
    return stdout;
  }

  /** The node's own: above all the port of its epmd, and where it keeps what plugins are enabled. */
  async #environment(): Promise<Record<string, string>> {
    const text = await readFile(`/proc/${this.#daemon?.pid}/environ`, 'utf8');
    return Object.fromEntries(
      text
        .split('\0')
        .filter((line) => /^(?:RABBITMQ_|ERL_EPMD_|PATH=|LANG=)/.test(line))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }
}

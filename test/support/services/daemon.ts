/** A server process that lives no longer than this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves when the daemon serves; called again until then. */
  readonly probe: () => Promise<void>;
  readonly deadlineMs: number;
  /** Another process that this one needs, stopped after it. */
  readonly companion?: Daemon;
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Where programs of Debian's packages live, also for a PATH without the `sbin` folders. */
const PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(delimiter);

/** @throws {Error} with the end of its log, when it ends or its deadline passes before it serves */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const logFile = join(options.directory, `${options.name}.log`);
  const log = openSync(logFile, 'a');
  const [program, ...args] = withParentsLife(options.command);
  const child = spawn(program, args, {
    cwd: options.directory,
    // Nothing of the caller's environment: RABBITMQ_… and ETCD_… variables would change what is started.
    env: { PATH, HOME: options.directory, LANG: 'C.UTF-8', ...options.env },
    stdio: ['ignore', log, log],
  });
  const daemon = new ChildDaemon(child, options.companion);
  const failed = once(child, 'error').then(([error]) => String(error));
  const ended = once(child, 'exit').then(([code, signal]) => `it ended with ${code ?? signal}`);
  const gone = Promise.race([failed, ended]);
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    const outcome = await Promise.race([gone, options.probe().then(() => 'serves' as const, toReason)]);
    if (outcome === 'serves') return daemon;
    const over = performance.now() > deadline;
    if (over || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      await daemon.stop();
      const reason = over ? `not ready after ${options.deadlineMs / 1000} s (${outcome})` : outcome;
      throw new Error(`${options.name} did not start: ${reason}\n${lastLines(logFile)}`);
    }
    await sleep(100);
  }
}

class ChildDaemon implements Daemon {
  readonly #child: ChildProcess;
  readonly #companion: Daemon | undefined;
  readonly #atExit = () => this.#child.kill('SIGKILL');

  constructor(child: ChildProcess, companion: Daemon | undefined) {
    this.#child = child;
    this.#companion = companion;
    process.once('exit', this.#atExit);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async stop(): Promise<void> {
    process.off('exit', this.#atExit);
    const child = this.#child;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      // Its data is thrown away, so nobody waits for an orderly end.
      child.kill('SIGKILL');
      await exited;
    }
    await this.#companion?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Ports that this process was given: whoever got one may not listen on it yet. */
const given = new Set<number>();

/** A port that was free a moment ago, and is given to nobody else in this process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
    if (given.has(address.port)) continue;
    given.add(address.port);
    return address.port;
  }
}

/** The path of an executable file, looked up as a daemon would. */
export function findProgram(program: string): string | undefined {
  const candidates = isAbsolute(program)
    ? [program]
    : PATH.split(delimiter).map((folder) => join(folder, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** On Linux the kernel ends it even when this process is killed hard. */
function withParentsLife(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', ...command];
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A real process, for tests of what people and machines start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './imports.ts';

export interface CommandOptions {
  /** The repository's folder unless given. */
  readonly cwd?: string;
  /** Instead of this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** It is killed after that. */
  readonly deadlineMs?: number;
}

/** Killed when it goes out of scope. */
export class RunningCommand implements Disposable {
  readonly process: ChildProcess;
  /** Its exit code, null after a signal; once nothing that it started holds its output any more. */
  readonly closed: Promise<number | null>;
  /** What it and its children have written so far, standard output and errors in one. */
  output = '';

  constructor([program, ...args]: readonly [string, ...string[]], options: CommandOptions = {}) {
    const { cwd = ROOT, env = process.env, deadlineMs = 60_000 } = options;
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.process = child;
    this.closed = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    // Whoever looks at the output only, learns of a failed start by its deadline.
    this.closed.catch(() => {});
  }

  /** @throws {Error} with all its output when it ends, or the deadline passes, before the condition holds */
  async until(condition: (output: string) => boolean | Promise<boolean>, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    while (!(await condition(this.output))) {
      const { exitCode, signalCode } = this.process;
      const ended = exitCode ?? signalCode;
      if (ended !== null) throw new Error(`It ended with ${ended}:\n${this.output}`);
      if (performance.now() > deadline) throw new Error(`Not within ${deadlineMs} ms:\n${this.output}`);
      await sleep(50);
    }
  }

  /** Sends a signal and waits for the end. @throws {Error} when it does not come in time */
  async end(signal: NodeJS.Signals, deadlineMs: number): Promise<number | null> {
    this.process.kill(signal);
    const code = await Promise.race([this.closed, sleep(deadlineMs, 'late' as const)]);
    if (code === 'late') throw new Error(`Still there ${deadlineMs} ms after ${signal}:\n${this.output}`);
    return code;
  }

  [Symbol.dispose](): void {
    this.process.kill('SIGKILL');
  }
}

/** Runs a command to its end. */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  using running = new RunningCommand(command, options);
  const code = await running.closed;
  return { code, output: running.output };
}

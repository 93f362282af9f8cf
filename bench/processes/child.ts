/** A child process that says when it is ready and what it uses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Usage } from './probe.ts';

const START_DEADLINE_MS = 60_000;
const ANSWER_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 3000;
const KEPT_OUTPUT = 8000;
const PROBE = new URL('./probe.ts', import.meta.url).href;
/** What a script starts is this same Node, preloaded in the same way. */
const FOR_SCRIPTS = {
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${PROBE}`,
};

export interface ChildOptions {
  /** For Node; or a shell script that becomes Node in its own way. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly directory?: string;
  /** For Node, unless a shell script starts it. */
  readonly flags?: readonly string[];
  /** Besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #name: string;
  #output = '';

  constructor(name: string, { entry, args, directory, env, flags = [] }: ChildOptions) {
    this.#name = name;
    const [program, preload] = entry.endsWith('.sh')
      ? ['sh', []]
      : [process.execPath, [...flags, '--import', PROBE]];
    this.#process = spawn(program, [...preload, entry, ...args], {
      cwd: directory,
      env: { ...process.env, ...(program === 'sh' ? FOR_SCRIPTS : {}), ...env, NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-KEPT_OUTPUT);
    };
    this.#process.stdout!.on('data', keep);
    this.#process.stderr!.on('data', keep);
  }

  /** What the process says once it serves. @throws with its output when it ends first or takes too long */
  ready<T>(): Promise<T> {
    return this.#message<T>('ready', START_DEADLINE_MS);
  }

  /** Waits for something that the process prints. @throws with its output when it ends first or takes too long */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const endsAt = performance.now() + START_DEADLINE_MS;
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found;
      if (this.hasEnded || performance.now() > endsAt)
        throw new Error(`${this.#name} did not print ${pattern}\n${this.#output}`);
      await sleep(20);
    }
  }

  usage(): Promise<Usage> {
    const answer = this.#message<Usage>('usage', ANSWER_DEADLINE_MS);
    this.#process.send('usage');
    return answer;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits until it ends by itself; kills it when that takes too long. */
  async ended(): Promise<void> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), START_DEADLINE_MS);
    if (!this.hasEnded) await new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    clearTimeout(timer);
  }

  /** What the process has printed last. */
  get output(): string {
    return this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) return;
    const ended = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_DEADLINE_MS);
    this.#process.kill('SIGTERM');
    if (this.#process.connected) this.#process.disconnect();
    await ended;
    clearTimeout(timer);
  }

  #message<T>(key: string, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(new Error(`${this.#name} said nothing for ${deadlineMs} ms`)),
        deadlineMs,
      );
      const finish = (error: Error | undefined, value?: T) => {
        clearTimeout(timer);
        this.#process.off('message', onMessage);
        this.#process.off('exit', onExit);
        if (error === undefined) resolve(value as T);
        else reject(new Error(`${error.message}\n${this.#output}`));
      };
      const onMessage = (message: unknown) => {
        if (typeof message === 'object' && message !== null && key in message)
          finish(undefined, (message as Record<string, T>)[key]);
      };
      const onExit = (code: number | null) => finish(new Error(`${this.#name} ended with ${code}`));
      this.#process.on('message', onMessage);
      this.#process.once('exit', onExit);
    });
  }
}

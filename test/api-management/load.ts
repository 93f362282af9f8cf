/** Callers of all processes who go on until they are stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Statuses } from './callers.ts';
import type { Deployment } from './deployment.ts';
import type { Call } from './gateway-process.ts';

const UNTIL_MS = 30_000;

export interface LoadOptions {
  readonly callers: number;
  readonly call: Call;
  /** Between two calls of one caller. */
  readonly pauseMs: number;
}

interface Progress {
  readonly admitted: number;
  readonly answered: number;
  /** How often each process has answered 429. */
  readonly refusedBy: readonly number[];
}

export class Load implements Progress {
  readonly statuses: Statuses = {};
  readonly refusedBy: number[];
  answered = 0;
  #isOver = false;
  readonly #callers: Promise<unknown>;

  private constructor(deployment: Deployment, { callers, call, pauseMs }: LoadOptions) {
    this.refusedBy = deployment.gateways.map(() => 0);
    const one = async (_: unknown, turn: number) => {
      while (!this.#isOver) {
        const { status } = await deployment.gateway(turn).call(call);
        this.statuses[status] = (this.statuses[status] ?? 0) + 1;
        this.answered++;
        if (status === 429) this.refusedBy[turn % this.refusedBy.length]!++;
        await sleep(pauseMs);
      }
    };
    this.#callers = Promise.all(Array.from({ length: callers }, one));
    // Told by `stop`.
    this.#callers.catch(() => {});
  }

  static start(deployment: Deployment, options: LoadOptions): Load {
    return new Load(deployment, options);
  }

  get admitted(): number {
    return this.statuses[200] ?? 0;
  }

  /** @param condition is also told how it was when this was called */
  async until(condition: (now: Progress, since: Progress) => boolean): Promise<void> {
    const since = { admitted: this.admitted, answered: this.answered, refusedBy: [...this.refusedBy] };
    const deadline = performance.now() + UNTIL_MS;
    while (!condition(this, since)) {
      if (performance.now() > deadline) {
        this.#isOver = true;
        await this.#callers;
        throw new Error(`not within ${UNTIL_MS} ms: ${JSON.stringify(this.statuses)}`);
      }
      await sleep(5);
    }
  }

  /** @throws what a call threw */
  async stop(): Promise<Statuses> {
    this.#isOver = true;
    await this.#callers;
    return this.statuses;
  }
}

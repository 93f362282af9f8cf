/** What is asked of Redis for limits: arguments and answers of the scripts, for one slot each. */
import { Cluster } from 'ioredis';
import type { RedisLink } from '../link.ts';
import { LIMIT_SCRIPTS } from './limit-scripts.ts';
import type { Share } from './share.ts';

/** Wanted of one rule for one partition. */
export interface AskedAmount {
  readonly share: Share;
  readonly amount: number;
  readonly isShadow: boolean;
  /** How much more to take ahead, where plenty is left. */
  readonly ahead: number;
}

export interface Answered {
  readonly enough: boolean;
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number;
  readonly ahead: number;
}

export interface Verdict {
  readonly admitted: boolean;
  /** By the clock of Redis. */
  readonly now: number;
  /** In the order of what was asked. */
  readonly answers: readonly Answered[];
}

/** More, or less, of what was taken at a time. */
export interface Adjustment {
  readonly share: Share;
  readonly difference: number;
  readonly at: number;
}

export interface Renewal {
  readonly share: Share;
  readonly least: number;
  readonly most: number;
}

/** What a process that ended without a word counts for. */
const SILENT_MS = 10_000;

type Arguments = ReadonlyArray<string | number>;
type Script = (keyCount: number, ...args: Arguments) => Promise<unknown>;
type Scripts = Readonly<Record<keyof typeof LIMIT_SCRIPTS, Script>>;
type Link = Pick<RedisLink, 'client' | 'prefix' | 'isWhole'>;

export class LimitCommands {
  /** Whether one command reaches only what lies in one slot. */
  readonly hasSlots: boolean;
  readonly #scripts: Scripts;
  readonly #link: Link;
  readonly #prefix: string;
  /** Names this process among those that count. */
  readonly #process: number;

  constructor(link: Link, process: number) {
    const { client } = link;
    this.hasSlots = client instanceof Cluster;
    this.#link = link;
    this.#prefix = link.prefix;
    this.#process = process;
    for (const [name, lua] of Object.entries(LIMIT_SCRIPTS)) client.defineCommand(name, { lua });
    this.#scripts = client as unknown as Scripts;
  }

  /** @param mode whether anything is taken, if there is enough */
  async reserve(asked: readonly AskedAmount[], mode: 'take' | 'look' = 'take'): Promise<Verdict> {
    const args: Array<string | number> = [];
    for (const { share } of asked) args.push(this.#keyOf(share));
    args.push(mode, this.#process);
    for (const { share, amount, isShadow, ahead } of asked) {
      pushRule(args, share);
      args.push(amount, isShadow ? 1 : 0, ahead);
    }
    const answer = (await this.#run('hemLimitsReserve', asked.length, args)) as number[];
    return {
      admitted: answer[0] === 1,
      now: answer[1]!,
      answers: asked.map((_, index) => toAnswered(answer, 2 + index * 5)),
    };
  }

  /** Also hears what remains. */
  async adjust(adjustments: readonly Adjustment[]): Promise<void> {
    const args: Array<string | number> = [];
    for (const { share } of adjustments) args.push(this.#keyOf(share));
    args.push(this.#process);
    for (const { share, difference, at } of adjustments) {
      pushRule(args, share);
      args.push(difference, at);
    }
    const answer = (await this.#run('hemLimitsAdjust', adjustments.length, args)) as number[];
    const at = answer[0]!;
    for (const [index, { share }] of adjustments.entries()) {
      share.heard = { remaining: answer[1 + index * 2]!, at, resetAt: at + answer[2 + index * 2]! };
    }
  }

  async renew(renewals: readonly Renewal[]): Promise<void> {
    const args: Array<string | number> = [];
    for (const { share } of renewals) args.push(this.#keyOf(share));
    args.push(this.#process);
    for (const { share, least, most } of renewals) args.push(share.leaseMs, least, most);
    await this.#run('hemLimitsRenew', renewals.length, args);
  }

  /** Says that this process is there, and that the store takes what it is told. */
  async beat(): Promise<{ readonly processes: number; readonly now: number }> {
    const key = `${this.#prefix}:limits:processes`;
    const args = [key, this.#process, SILENT_MS];
    const [processes, now] = (await this.#run('hemLimitsBeat', 1, args)) as number[];
    return { processes: processes!, now: now! };
  }

  /** Whether the slot of a partition takes what it is told. */
  async probe(tag: string): Promise<void> {
    await this.#link.client.set(`${this.#prefix}:limits:{${tag}}`, 1, 'PX', 1000);
  }

  async leave(): Promise<void> {
    await this.#link.client.zrem(`${this.#prefix}:limits:processes`, this.#process);
  }

  #run(name: keyof Scripts, keys: number, args: Arguments): Promise<unknown> {
    // What a Cluster's connection that is being made would refuse looks like what another one lost half-way.
    return this.#link.isWhole ? this.#scripts[name](keys, ...args) : Promise.reject(new NotSent());
  }

  #keyOf({ tag, meter }: Share): string {
    return `${this.#prefix}:limits:{${tag}}:${meter.name}`;
  }
}

/** There is no connection at the moment that takes commands for all keys. */
class NotSent extends Error {
  constructor() {
    super('not connected to Redis');
  }
}

/** Whether a command that failed was certainly not executed. */
export function isUncounted(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error instanceof NotSent || error.name === 'ReplyError' || /isn't (ready|writeable)/.test(error.message)
  );
}

function pushRule(args: Array<string | number>, { meter, leaseMs }: Share): void {
  const { algorithm, limit, windowMs, period } = meter.rule;
  args.push(
    algorithm,
    limit,
    (algorithm === 'quota' ? period : windowMs) ?? 0,
    meter.algorithm.capacity,
    leaseMs,
  );
}

function toAnswered(answer: readonly number[], index: number): Answered {
  const retry = answer[index + 3]!;
  return {
    enough: answer[index] === 1,
    remaining: answer[index + 1]!,
    resetMs: answer[index + 2]!,
    retryAfterMs: retry < 0 ? Infinity : retry,
    ahead: answer[index + 4]!,
  };
}

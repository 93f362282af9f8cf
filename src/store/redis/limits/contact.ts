/**
 * Whether Redis decides. It is lost with the first command that fails or is late; from then on nobody waits for it until it has taken
 * a sign of life, and what was used meanwhile has been told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { timeoutsOf } from '../../../timeouts.ts';
import { MAX_RECONNECT_MS, reasonOf } from '../link.ts';
import type { LimitCommands } from './limit-commands.ts';
import type { Share } from './share.ts';

const BEAT_MS = 2000;
const PROBE_MS = 200;
const MAX_PROBED = 16;
/** What takes no longer was hardly noticed by others. */
const SHORT_LOSS_MS = 500;
/** So much later than this process others may find it again: the longest pause between two attempts to connect, and that of a sign of life. */
const OTHERS_RETURN_MS = MAX_RECONNECT_MS + PROBE_MS;

export interface ContactOptions {
  readonly log: Logger;
  readonly timeoutMs: number;
  /** Tells what was used meanwhile. @returns whether it arrived */
  readonly telling: () => Promise<boolean>;
  /** Whatever is sent in it is ahead of what is asked from then on. */
  readonly onBack: () => void;
  readonly onLost: () => void;
}

export class Contact {
  readonly #commands: LimitCommands;
  readonly #options: ContactOptions;
  #isLost = true;
  #lostAt = -Infinity;
  #wasThere = false;
  readonly #beginning = Promise.withResolvers<void>();
  readonly #beginsUntil: number;
  /** As many as there were when it was last heard. */
  processes = 1;
  /** Between its clock and `performance.now()`. */
  #offset = Date.now() - performance.now();
  /** Slots that failed, until they answer. */
  readonly #failedTags = new Set<string>();
  #isBeating = false;
  #isEnded = false;
  #beatAt = -Infinity;

  constructor(commands: LimitCommands, options: ContactOptions) {
    this.#commands = commands;
    this.#options = options;
    this.#beginsUntil = performance.now() + options.timeoutMs;
    timeoutsOf(options.timeoutMs).start(this.#beginning.resolve);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Undefined once it was there, or has had the time of a command to be. */
  get beginning(): Promise<void> | undefined {
    return this.#wasThere || performance.now() >= this.#beginsUntil ? undefined : this.#beginning.promise;
  }

  /** The clock of Redis, as far as it is known here. */
  now(): number {
    return Math.floor(performance.now() + this.#offset);
  }

  heard(now: number): void {
    this.#offset = now - performance.now();
  }

  /** @param shares what it was asked for */
  lose(error: unknown, shares: readonly Share[] = []): void {
    for (const { tag } of shares) if (this.#failedTags.size < MAX_PROBED) this.#failedTags.add(tag);
    if (this.#isLost || this.#isEnded) return;
    this.#isLost = true;
    this.#lostAt = performance.now();
    this.#options.log.warn(
      { reason: reasonOf(error) },
      'limits are decided by this process alone: the store is lost',
    );
    this.#options.onLost();
    // It may have been only late.
    void this.beat();
  }

  /** This process ends: that its connection does is no loss. */
  end(): void {
    this.#isEnded = true;
  }

  /** To be called often. One sign of life at a time: also a late one counts. */
  tick(): void {
    if (this.#isBeating || performance.now() - this.#beatAt < (this.#isLost ? PROBE_MS : BEAT_MS)) return;
    void this.beat();
  }

  async beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    this.#beatAt = performance.now();
    try {
      const { processes, now } = await this.#commands.beat();
      this.processes = Math.max(1, processes);
      this.heard(now);
      if (this.#isLost) await this.#return();
    } catch (error) {
      this.lose(error);
    } finally {
      this.#isBeating = false;
    }
  }

  async #return(): Promise<void> {
    const tags = [...this.#failedTags];
    await Promise.all(tags.map((tag) => this.#commands.probe(tag)));
    if (!(await this.#options.telling())) return;
    if (this.#wasThere && performance.now() - this.#lostAt > SHORT_LOSS_MS && !(await this.#othersTold()))
      return;
    for (const tag of tags) this.#failedTags.delete(tag);
    this.#isLost = false;
    this.#options.onBack();
    if (this.#wasThere) this.#options.log.info('the store decides on limits again');
    this.#wasThere = true;
    this.#beginning.resolve();
  }

  /**
   * What others have admitted alone Redis does not know before they find it again: until then it would give that away once more. This
   * process goes on with its own share, and tells. @returns whether all arrived
   */
  async #othersTold(): Promise<boolean> {
    const until = performance.now() + OTHERS_RETURN_MS;
    while (performance.now() < until) {
      await sleep(PROBE_MS, undefined, { ref: false });
      this.heard((await this.#commands.beat()).now);
      if (!(await this.#options.telling())) return false;
    }
    return true;
  }
}

/** Limits that several processes share. Redis decides, or a slice that was taken from it ahead; where it is lost, this process alone. */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../../load/settings/store-settings.ts';
import { timeoutsOf } from '../../../timeouts.ts';
import type { Demand, LimitState, LimitStore, Reservation } from '../../limit-store.ts';
import { Kept } from '../../limits/kept.ts';
import { amountOf, meterOf, partitionName } from '../../limits/meter.ts';
import { RedisLink } from '../link.ts';
import { reserveAcrossSlots } from './across-slots.ts';
import { Adjustments } from './adjustments.ts';
import { AloneDecisions, type AloneReservation } from './alone-decisions.ts';
import { type Charge, type Counting, StoreCharge } from './charges.ts';
import { Contact } from './contact.ts';
import { Leases } from './leases.ts';
import { isUncounted, LimitCommands, type Verdict } from './limit-commands.ts';
import { hasAhead, type Line, toLine } from './line.ts';
import { RedisReservation } from './redis-reservation.ts';
import { Share } from './share.ts';
import { Slices } from './slices.ts';

/** Partitions in memory, some 400 bytes each. */
const MAX_KEPT = 100_000;
const TICK_MS = 100;

export interface RedisLimitsOptions {
  /** For tests: partitions in memory. */
  readonly maxKept?: number;
}

export class RedisLimits implements LimitStore, Counting, AsyncDisposable {
  readonly adjustments: Adjustments;
  readonly #link: RedisLink;
  readonly #commands: LimitCommands;
  readonly #contact: Contact;
  readonly #timeoutMs: number;
  readonly #slices = new Slices(this);
  readonly #leases: Leases;
  readonly #alone: AloneDecisions;
  readonly #shares: Kept<Share>;
  readonly #ticking: NodeJS.Timeout;

  constructor(settings: RedisSettings, log: Logger, { maxKept = MAX_KEPT }: RedisLimitsOptions = {}) {
    this.#link = new RedisLink(settings, log.child({ connection: 'limits' }), { lateAnswers: true });
    this.#shares = new Kept(maxKept, (forgotten) => {
      for (const share of forgotten) this.#alone.forget(share);
    });
    this.#timeoutMs = settings.timeout;
    this.#commands = new LimitCommands(this.#link, randomInt(2 ** 48 - 1));
    const failed = (error: unknown, share: Share) => this.#contact.lose(error, [share]);
    this.adjustments = new Adjustments(this.#commands, failed);
    this.#leases = new Leases(this.#commands, this, failed);
    this.#alone = new AloneDecisions(this, this.#leases, this.#shares);
    this.#contact = new Contact(this.#commands, {
      log,
      timeoutMs: this.#timeoutMs,
      onLost: () => {
        this.adjustments.isOpen = false;
      },
      telling: () => {
        this.#alone.tell();
        return this.adjustments.flush();
      },
      onBack: () => {
        this.#alone.end();
        this.adjustments.isOpen = true;
        void this.adjustments.flush();
        this.#leases.renewAll();
      },
    });
    this.#link.onWhole(() => void this.#contact.beat());
    this.#link.client.on('close', () => this.#contact.lose(new Error('the connection was closed')));
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** The clock of Redis, as far as this process knows it. */
  now(): number {
    return this.#contact.now();
  }

  reserve(demands: readonly Demand[]): Reservation | Promise<Reservation> {
    const shares = demands.map((demand) => this.#shareOf(demand));
    const atHand = this.#slices.reserve(demands, shares);
    if (atHand !== undefined) return atHand;
    if (!this.#contact.isLost) return this.#ask(demands, shares);
    // At the start the store is given the time of a command to be there.
    const beginning = this.#contact.beginning;
    return beginning === undefined
      ? this.#decideAlone(demands, shares, false)
      : beginning.then(() => this.reserve(demands));
  }

  /** Gives back what was taken ahead, and what still runs here. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticking);
    this.#slices.endAll();
    this.#leases.endAll();
    if (!this.#contact.isLost) {
      const left = Promise.all([this.adjustments.flush(), this.#commands.leave()]).catch(() => {});
      const late = new Promise<void>((resolve) => timeoutsOf(this.#timeoutMs).start(resolve));
      await Promise.race([left, late]);
    }
    this.#contact.end();
    await this.#link[Symbol.asyncDispose]();
  }

  #shareOf({ rule, partition }: Demand): Share {
    const meter = meterOf(rule);
    const tag = partitionName(partition);
    const key = `${meter.name}:${tag}`;
    const known = this.#shares.find(key);
    if (known !== undefined) {
      known.meter = meter;
      return known;
    }
    const made = new Share(tag, meter);
    this.#shares.add(key, made);
    return made;
  }

  #ask(demands: readonly Demand[], shares: readonly Share[], isAgain = false): Promise<Reservation> {
    const askedAt = performance.now();
    // What was given back a moment ago can be had.
    if (this.adjustments.isWaiting) void this.adjustments.flush();
    const lines = demands.map((demand, index) => toLine(demand, shares[index]!, askedAt));
    const { promise, resolve } = Promise.withResolvers<Reservation>();
    let isAnswered = false;
    let alone: AloneReservation | undefined;
    const decideAlone = (error: unknown): AloneReservation => {
      this.#contact.lose(error, shares);
      for (const line of lines) this.#slices.giveBack(line);
      alone = this.#decideAlone(demands, shares, true);
      resolve(alone);
      return alone;
    };
    const giveUp = () => {
      if (!isAnswered) decideAlone(new Error(`no answer within ${this.#timeoutMs} ms`));
    };
    // Where it was this process that was busy, the answer may be there and only has to be read.
    const timeout = timeoutsOf(this.#timeoutMs).start(() => setImmediate(giveUp));
    const asked = this.#commands.hasSlots
      ? reserveAcrossSlots(this.#commands, lines, (adjustment) => this.adjustments.add(adjustment))
      : this.#commands.reserve(lines);
    asked.then(
      (verdict) => {
        timeout.stop();
        isAnswered = true;
        this.#contact.heard(verdict.now);
        for (const { share, amount } of lines) share.asking -= amount;
        if (alone !== undefined) {
          this.#answeredLate(alone, lines, verdict);
          return;
        }
        const reservation = this.#toReservation(lines, verdict, askedAt);
        // What this process took ahead meanwhile may be what is missing.
        const mayBeHad = !isAgain && !reservation.admitted && hasAhead(lines, verdict);
        const isSoon = performance.now() - askedAt < this.#timeoutMs / 2;
        resolve(mayBeHad && isSoon ? this.#ask(demands, shares, true) : reservation);
      },
      (error) => {
        timeout.stop();
        isAnswered = true;
        for (const { share, amount, ahead } of lines) {
          share.asking -= amount;
          if (ahead > 0) share.gotNothingAhead();
        }
        for (const charge of (alone ?? decideAlone(error)).aloneCharges) {
          if (isUncounted(error)) charge?.notCountedByStore();
          else charge?.perhapsCountedByStore();
        }
      },
    );
    return promise;
  }

  #toReservation(lines: readonly Line[], verdict: Verdict, askedAt: number): Reservation {
    const { admitted, now: at, answers } = verdict;
    const charges: Array<Charge | undefined> = [];
    const states: LimitState[] = [];
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index]!;
      const { share, demand } = line;
      const { enough, remaining, resetMs, retryAfterMs, ahead } = answers[index]!;
      const isTaken = admitted && enough;
      share.heard = { remaining, at, resetAt: at + resetMs };
      if (!isTaken) this.#slices.giveBack(line);
      if (line.ahead > 0) this.#slices.got(share, { ahead, resetMs, at, askedAt });
      charges.push(isTaken ? this.#chargeOf(line, at) : undefined);
      const left = share.slice?.left ?? 0;
      states.push({ demand, admitted: enough, remaining: remaining + left, resetMs, retryAfterMs });
    }
    return new RedisReservation({ admitted, states }, 'store', charges);
  }

  #chargeOf({ share, amount, slice }: Line, now: number): Charge {
    if (!share.isLease) return new StoreCharge(share, slice?.at ?? now, this);
    share.running[0]! += amount;
    return this.#leases.begin(share);
  }

  #decideAlone(demands: readonly Demand[], shares: readonly Share[], isAsked: boolean): AloneReservation {
    return this.#alone.reserve(demands, shares, { processes: this.#contact.processes, isAsked });
  }

  /** The store has counted, or refused, what was decided here meanwhile. */
  #answeredLate(alone: AloneReservation, lines: readonly Line[], verdict: Verdict): void {
    const { admitted, now: at, answers } = verdict;
    for (let index = 0; index < lines.length; index++) {
      const { share, amount, demand, ahead: wanted } = lines[index]!;
      const { enough, ahead } = answers[index]!;
      const charge = alone.aloneCharges[index];
      if (wanted > 0) share.gotNothingAhead();
      if (!admitted || !enough) {
        charge?.notCountedByStore();
        continue;
      }
      const isTaken = alone.admitted && alone.states[index]!.admitted;
      const difference = (isTaken ? amountOf(demand) : 0) - (amount + ahead);
      this.adjustments.add({ share, difference, at });
      charge?.countedByStore(at);
    }
  }

  #tick(): void {
    this.#contact.tick();
    if (this.#contact.isLost) return;
    this.#slices.endOld();
    this.#leases.renewDue();
  }
}

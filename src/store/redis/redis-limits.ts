/** Limits that several processes share. Redis decides, or a slice that was taken from it ahead; where it is lost, this process alone. */
import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';
import { type Timeout, timeoutsOf } from '../../timeouts.ts';
import type { Demand, LimitState, LimitStore, Reservation } from '../limit-store.ts';
import { Alone } from '../limits/alone.ts';
import { decide } from '../limits/decide.ts';
import { Kept } from '../limits/kept.ts';
import { amountOf, meterOf, partitionName } from '../limits/meter.ts';
import { reserveAcrossSlots } from './across-slots.ts';
import { Adjustments } from './adjustments.ts';
import { AloneCharge, type Charge, type Counting, LeaseCharge, SliceCharge, StoreCharge } from './charges.ts';
import { Contact } from './contact.ts';
import { type Asked, isUncounted, LimitCommands, type Verdict } from './limit-commands.ts';
import { RedisLink } from './link.ts';
import { RedisReservation } from './redis-reservation.ts';
import { Share, type Slice } from './share.ts';

const MAX_KEPT = 100_000;
const TICK_MS = 100;
/** Of a lease's length, when it is renewed. */
const RENEWED_AT = 1 / 3;
/** The store may be back then. */
const ASK_AGAIN_MS = 1000;

/** One demand on its way to the store. */
interface Line extends Asked {
  readonly demand: Demand;
  /** What a slice had of it. */
  readonly slice: Slice | undefined;
  readonly ofSlice: number;
}

export class RedisLimits implements LimitStore, Counting, AsyncDisposable {
  readonly adjustments: Adjustments;
  readonly #link: RedisLink;
  readonly #commands: LimitCommands;
  readonly #contact: Contact;
  readonly #timeoutMs: number;
  readonly #shares = new Kept<Share>(MAX_KEPT, (forgotten) => {
    for (const share of forgotten) this.#tell(share);
  });
  readonly #sliced: Share[] = [];
  readonly #leasing: Share[] = [];
  readonly #alone: Share[] = [];
  readonly #ticking: NodeJS.Timeout;
  readonly #onClose = () => this.#contact.lose(new Error('the connection was closed'));

  constructor(settings: RedisSettings, log: Logger) {
    this.#link = new RedisLink(settings, log, { lateAnswers: true });
    this.#timeoutMs = settings.timeout;
    this.#commands = new LimitCommands(this.#link.client, settings.prefix, randomInt(2 ** 48 - 1));
    this.#contact = new Contact(this.#commands, {
      log,
      timeoutMs: this.#timeoutMs,
      telling: () => this.#tellAll(),
      onLost: () => {
        this.adjustments.isOpen = false;
      },
      onBack: () => this.#onBack(),
    });
    this.adjustments = new Adjustments(this.#commands, (error, share) => this.#contact.lose(error, [share]));
    this.#link.client.on('ready', () => void this.#contact.beat());
    this.#link.client.on('close', this.#onClose);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  now(): number {
    return this.#contact.now();
  }

  reserve(demands: readonly Demand[]): Reservation | Promise<Reservation> {
    const now = performance.now();
    const shares = demands.map((demand) => this.#shareOf(demand));
    if (canUseSlices(demands, shares, now)) return this.#useSlices(demands, shares);
    if (!this.#contact.isLost) return this.#ask(demands, shares);
    // At the start the store is given the time of a command to be there.
    const left = this.#contact.beginning(now);
    return left === undefined ? this.#decideAlone(demands, shares) : left.then(() => this.reserve(demands));
  }

  /** Gives back what was taken ahead, and what still runs here. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticking);
    for (const share of this.#sliced) this.#returnSlice(share);
    for (const share of this.#leasing) {
      this.adjustments.add({ share, difference: -share.running[0]!, at: this.now() });
    }
    if (!this.#contact.isLost) {
      const left = Promise.all([this.adjustments.flush(), this.#commands.leave().catch(() => {})]);
      await Promise.race([
        left,
        new Promise((over) => timeoutsOf(this.#timeoutMs).start(() => over(undefined))),
      ]);
    }
    this.#link.client.off('close', this.#onClose);
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
    const made = new Share(key, tag, meter);
    this.#shares.add(key, made);
    return made;
  }

  #useSlices(demands: readonly Demand[], shares: readonly Share[]): Reservation {
    const now = this.now();
    const charges: Charge[] = [];
    const states: LimitState[] = [];
    for (let index = 0; index < demands.length; index++) {
      const share = shares[index]!;
      const slice = share.slice!;
      slice.left -= amountOf(demands[index]!);
      charges.push(new SliceCharge(share, slice, this));
      states.push({
        demand: demands[index]!,
        admitted: true,
        remaining: share.heard!.remaining + slice.left,
        resetMs: Math.max(0, share.heard!.resetAt - now),
        retryAfterMs: 0,
      });
    }
    return new RedisReservation({ admitted: true, states }, 'store', charges);
  }

  #ask(demands: readonly Demand[], shares: readonly Share[], isAgain = false): Promise<Reservation> {
    const askedAt = performance.now();
    // What was given back a moment ago can be had.
    if (this.adjustments.isWaiting) void this.adjustments.flush();
    const lines = demands.map((demand, index) => toLine(demand, shares[index]!, askedAt));
    const { promise, resolve } = Promise.withResolvers<Reservation>();
    let alone: AloneReservation | undefined;
    const decideAlone = () => {
      for (const line of lines) this.#giveBackToSlice(line);
      alone = this.#decideAlone(demands, shares, true);
      resolve(alone);
    };
    const timeout: Timeout = timeoutsOf(this.#timeoutMs).start(() => {
      this.#contact.lose(new Error(`no answer within ${this.#timeoutMs} ms`), shares);
      decideAlone();
    });
    const asked = this.#commands.hasSlots
      ? reserveAcrossSlots(this.#commands, lines, (adjustment) => this.adjustments.add(adjustment))
      : this.#commands.reserve(lines);
    asked.then(
      (verdict) => {
        timeout.stop();
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
        this.#contact.lose(error, shares);
        if (alone === undefined) decideAlone();
        for (const { share, amount, ahead } of lines) {
          share.asking -= amount;
          if (ahead > 0) share.gotAhead(0, 0, { at: 0, askedAt });
        }
        for (const charge of alone!.aloneCharges) {
          if (isUncounted(error)) charge?.notCountedByStore();
          else charge?.perhapsCountedByStore();
        }
      },
    );
    return promise;
  }

  #toReservation(lines: readonly Line[], verdict: Verdict, askedAt: number): Reservation {
    const { admitted, now, answers } = verdict;
    const charges: Array<Charge | undefined> = [];
    const states: LimitState[] = [];
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index]!;
      const { share, demand } = line;
      const { enough, remaining, resetMs, retryAfterMs, ahead } = answers[index]!;
      const isTaken = admitted && enough;
      share.heard = { remaining, at: now, resetAt: now + resetMs };
      if (!isTaken) this.#giveBackToSlice(line);
      if (line.ahead > 0) this.#gotAhead(line, { ahead, resetMs, at: now, askedAt });
      charges.push(isTaken ? this.#chargeOf(line, now) : undefined);
      const left = share.slice?.left ?? 0;
      states.push({ demand, admitted: enough, remaining: remaining + left, resetMs, retryAfterMs });
    }
    return new RedisReservation({ admitted, states }, 'store', charges);
  }

  #chargeOf({ share, amount, slice }: Line, now: number): Charge {
    if (!share.isLease) return new StoreCharge(share, slice?.at ?? now, this);
    this.#lease(share);
    share.running[0]! += amount;
    return new LeaseCharge(share, this);
  }

  #gotAhead(
    { share }: Line,
    got: { readonly ahead: number; readonly resetMs: number; readonly at: number; readonly askedAt: number },
  ): void {
    this.#returnSlice(share);
    share.gotAhead(got.ahead, got.resetMs, got);
    if (share.slice === undefined || share.isListed) return;
    share.isListed = true;
    this.#sliced.push(share);
  }

  #giveBackToSlice({ share, slice, ofSlice }: Line): void {
    if (slice === undefined || ofSlice === 0) return;
    if (share.slice === slice) slice.left += ofSlice;
    else this.adjustments.add({ share, difference: -ofSlice, at: slice.at });
  }

  #returnSlice(share: Share): void {
    const slice = share.endSlice();
    if (slice !== undefined) this.adjustments.add({ share, difference: -slice.left, at: slice.at });
  }

  #lease(share: Share): void {
    if (share.isListed) return;
    share.isListed = true;
    share.renewAt = performance.now() + share.leaseMs * RENEWED_AT;
    this.#leasing.push(share);
  }

  #decideAlone(demands: readonly Demand[], shares: readonly Share[], isAsked = false): AloneReservation {
    const now = this.now();
    const seats = shares.map((share) => this.#aloneOf(share, now));
    const { admitted, states } = decide(demands, seats, now);
    const aloneCharges: Array<AloneCharge | undefined> = [];
    const charges = demands.map((demand, index): Charge | undefined => {
      const share = shares[index]!;
      if (!admitted || !states[index]!.admitted) return undefined;
      if (share.isLease) {
        this.#lease(share);
        return new LeaseCharge(share, this);
      }
      const charge = new AloneCharge(share, amountOf(demand), {
        alone: seats[index]!,
        counting: this,
        isAsked,
      });
      aloneCharges[index] = charge;
      return charge;
    });
    return new AloneReservation({ admitted, states: states.map(toPatient) }, charges, aloneCharges);
  }

  #aloneOf(share: Share, now: number): Alone {
    if (share.alone === undefined) {
      const { heard, running } = share;
      share.alone = new Alone(share.meter, { heard, running, now, processes: this.#contact.processes });
      this.#alone.push(share);
    }
    return share.alone;
  }

  /** The store has counted, or refused, what was decided here meanwhile. */
  #answeredLate(alone: AloneReservation, lines: readonly Line[], { admitted, now, answers }: Verdict): void {
    for (let index = 0; index < lines.length; index++) {
      const { share, amount, demand, ahead: wanted } = lines[index]!;
      const { enough, ahead } = answers[index]!;
      const charge = alone.aloneCharges[index];
      if (wanted > 0) share.gotAhead(0, 0, { at: now, askedAt: 0 });
      if (!admitted || !enough) charge?.notCountedByStore();
      else {
        const isTaken = alone.admitted && alone.states[index]!.admitted;
        const difference = (isTaken ? amountOf(demand) : 0) - (amount + ahead);
        this.adjustments.add({ share, difference, at: now });
        charge?.countedByStore(now);
      }
    }
  }

  #tell(share: Share): void {
    const { alone } = share;
    if (alone === undefined || share.isLease) return;
    for (const { amount, at } of alone.tell(this.now())) {
      this.adjustments.add({ share, difference: amount, at });
    }
    share.alone = undefined;
  }

  #tellAll(): Promise<boolean> {
    const now = this.now();
    for (const share of this.#alone) {
      if (share.isLease) continue;
      for (const { amount, at } of share.alone?.tell(now) ?? []) {
        this.adjustments.add({ share, difference: amount, at });
      }
    }
    return this.adjustments.flush();
  }

  #onBack(): void {
    for (const share of this.#alone) {
      this.#tell(share);
      share.alone = undefined;
    }
    this.#alone.length = 0;
    this.adjustments.isOpen = true;
    void this.adjustments.flush();
    // Also of those that have ended: what was counted for them is corrected.
    for (const share of this.#leasing) this.#renewNow(share);
  }

  #tick(): void {
    this.#contact.tick();
    if (this.#contact.isLost) return;
    const now = performance.now();
    for (let index = this.#sliced.length - 1; index >= 0; index--) {
      const share = this.#sliced[index]!;
      if (share.slice !== undefined && now >= share.slice.until) this.#returnSlice(share);
      if (share.slice === undefined) this.#unlist(this.#sliced, index);
    }
    this.#renew();
  }

  #renew(): void {
    const now = performance.now();
    const due: Share[] = [];
    for (let index = this.#leasing.length - 1; index >= 0; index--) {
      const share = this.#leasing[index]!;
      if (share.running[0] === 0) this.#unlist(this.#leasing, index);
      else if (now >= share.renewAt) due.push(share);
    }
    if (due.length === 0) return;
    // What has ended is told first: a renewal says how much there is.
    void this.adjustments.flush();
    for (const share of due) this.#renewNow(share);
  }

  #renewNow(share: Share): void {
    share.renewAt = performance.now() + share.leaseMs * RENEWED_AT;
    const least = share.running[0]!;
    this.#commands
      .renew([{ share, least, most: least + share.asking }])
      .catch((error) => this.#contact.lose(error, [share]));
  }

  #unlist(list: Share[], index: number): void {
    list[index]!.isListed = false;
    list[index] = list.at(-1)!;
    list.pop();
  }
}

class AloneReservation extends RedisReservation {
  /** In the order of the demands; undefined where nothing was taken, and for leases. */
  readonly aloneCharges: ReadonlyArray<AloneCharge | undefined>;

  constructor(
    decision: { readonly admitted: boolean; readonly states: readonly LimitState[] },
    charges: ReadonlyArray<Charge | undefined>,
    aloneCharges: ReadonlyArray<AloneCharge | undefined>,
  ) {
    super(decision, 'process', charges);
    this.aloneCharges = aloneCharges;
  }
}

function canUseSlices(demands: readonly Demand[], shares: readonly Share[], now: number): boolean {
  for (let index = 0; index < demands.length; index++) {
    const { slice } = shares[index]!;
    if (slice === undefined || now >= slice.until || slice.left < amountOf(demands[index]!)) return false;
  }
  return demands.length > 0;
}

function hasAhead(lines: readonly Line[], { answers }: Verdict): boolean {
  return lines.some(({ share }, index) => !answers[index]!.enough && (share.slice?.left ?? 0) > 0);
}

/** Takes what the slice has of it. */
function toLine(demand: Demand, share: Share, now: number): Line {
  const wanted = amountOf(demand);
  const ofSlice = share.sliceFor(wanted, now);
  const amount = wanted - ofSlice;
  if (ofSlice > 0) share.slice!.left -= ofSlice;
  share.asking += amount;
  return {
    demand,
    share,
    amount,
    isShadow: demand.shadow === true,
    ahead: share.askAhead(amount, now),
    slice: ofSlice > 0 ? share.slice : undefined,
    ofSlice,
  };
}

/** More than this process may ever give alone is not more than the limit ever gives. */
function toPatient(state: LimitState): LimitState {
  const { rule } = state.demand;
  const isNever =
    state.retryAfterMs === Infinity && amountOf(state.demand) <= meterOf(rule).algorithm.capacity;
  return isNever ? { ...state, retryAfterMs: ASK_AGAIN_MS } : state;
}

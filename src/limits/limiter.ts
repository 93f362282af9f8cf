/** Decides what requests draw on, all limits of one together. Where a limit says so, a request is held back for a while first. */
import type { Logger } from 'pino';
import type { Cancellation } from '../cancellation.ts';
import type { LimitStore, Reservation } from '../store/limit-store.ts';
import type { Charge } from './charge.ts';
import type { Limit } from './limit.ts';
import { type Turn, WaitingRoom } from './waiting-room.ts';

export type { Reservation };

/** `shadow`: it would have been refused, was it not for telling only. `delayed`: let in after having been held back. */
export type Outcome = 'admitted' | 'delayed' | 'refused' | 'shadow';

/** Told of every limit of every decision. */
export type DecisionListener = (limit: Pick<Limit, 'name' | 'scope' | 'rule'>, outcome: Outcome) => void;

/** Requests held back for one limit and caller. */
const MAX_WAITING = 100;
const MAX_WAITING_IN_ALL = 10_000;
/** When something ends that runs, nobody knows: it is asked for again and again. */
const ASK_AGAIN_MS = 25;

export interface LimiterOptions {
  readonly log: Logger;
  readonly onDecision?: DecisionListener | undefined;
}

export class Limiter {
  readonly #store: LimitStore;
  readonly #log: Logger;
  readonly #onDecision: DecisionListener | undefined;
  /** By limit and partition; one is there only while somebody waits in it. */
  readonly #rooms = new Map<string, WaitingRoom>();
  #waiting = 0;

  constructor(store: LimitStore, { log, onDecision }: LimiterOptions) {
    this.#store = store;
    this.#log = log;
    this.#onDecision = onDecision;
  }

  /** Never rejects. A promise only where the store has to be asked, or the request has to wait. @param left ends the wait */
  decide(charge: Charge, left: Cancellation): Reservation | Promise<Reservation> {
    if (mayWait(charge)) return this.#decideInTurn(charge, left);
    const decided = this.#store.reserve(charge.demands);
    if (decided instanceof Promise) return decided.then((reservation) => this.#told(charge, reservation));
    return this.#told(charge, decided);
  }

  /** Those who wait already go first. */
  async #decideInTurn(charge: Charge, left: Cancellation): Promise<Reservation> {
    let reservation: Reservation | undefined;
    let index = charge.limits.findIndex(
      ({ delayMs }, at) => delayMs > 0 && this.#rooms.has(roomOf(charge, at)),
    );
    if (index === -1) {
      reservation = await this.#store.reserve(charge.demands);
      if (reservation.admitted) return this.#told(charge, reservation);
      index = heldBackBy(charge, reservation);
      if (index === -1) return this.#told(charge, reservation);
    }
    const until = performance.now() + charge.limits[index]!.delayMs;
    const id = roomOf(charge, index);
    const room = this.#rooms.get(id) ?? new WaitingRoom(MAX_WAITING);
    this.#rooms.set(id, room);
    const turn =
      this.#waiting < MAX_WAITING_IN_ALL
        ? room.enter({ until, left, needsMs: refillOf(charge, index) })
        : undefined;
    this.#waiting++;
    try {
      // Nobody knows what is left before it is its turn; without one, what was found out first counts.
      if (turn !== undefined && (await turn.comes))
        reservation = await this.#ask(charge, { until, left, turn });
    } finally {
      turn?.end();
      this.#waiting--;
      if (room.isEmpty) this.#rooms.delete(id);
    }
    reservation ??= await this.#store.reserve(charge.demands);
    // Nobody is there any more to use it.
    if (left.isCancelled) {
      reservation.settle(charge.demands.map(() => 0));
      return reservation;
    }
    return this.#told(charge, reservation, true);
  }

  /** Asks until there is enough, or there will not be in time. */
  async #ask(charge: Charge, { until, left, turn }: Wait): Promise<Reservation> {
    for (;;) {
      const reservation = await this.#store.reserve(charge.demands);
      if (reservation.admitted || left.isCancelled) return reservation;
      const waitMs = waitOf(charge, reservation);
      if (performance.now() + waitMs > until || heldBackBy(charge, reservation) === -1) return reservation;
      turn.expect(performance.now() + waitMs);
      await pause(waitMs, left);
      if (left.isCancelled) return reservation;
    }
  }

  #told(charge: Charge, reservation: Reservation, waited = false): Reservation {
    const { limits } = charge;
    const { states } = reservation;
    for (let index = 0; index < states.length; index++) {
      const { admitted, demand } = states[index]!;
      const limit = limits[index]!;
      if (admitted && !waited) {
        this.#onDecision?.(limit, 'admitted');
        continue;
      }
      if (!admitted && limit.shadow)
        this.#log.debug(
          { limit: limit.name, of: limit.scope, partition: demand.partition },
          'a shadow limit is exceeded',
        );
      this.#onDecision?.(limit, outcomeOf({ admitted, limit, reservation, waited }));
    }
    return reservation;
  }
}

function mayWait({ limits }: Charge): boolean {
  for (const { delayMs } of limits) if (delayMs > 0) return true;
  return false;
}

interface Wait {
  readonly until: number;
  readonly left: Cancellation;
  readonly turn: Turn;
}

function outcomeOf({
  admitted,
  limit,
  reservation,
  waited,
}: {
  readonly admitted: boolean;
  readonly limit: Limit;
  readonly reservation: Reservation;
  readonly waited: boolean;
}): Outcome {
  if (!admitted) return limit.shadow ? 'shadow' : 'refused';
  return waited && limit.delayMs > 0 && reservation.admitted ? 'delayed' : 'admitted';
}

/** The limit that a request waits for, the one that takes longest; -1 where one does not let it wait. */
function heldBackBy({ limits }: Charge, { states }: Reservation): number {
  let found = -1;
  for (const [index, { admitted, retryAfterMs, demand }] of states.entries()) {
    if (admitted || demand.shadow === true) continue;
    const { delayMs } = limits[index]!;
    if (delayMs === 0 || retryAfterMs === Number.POSITIVE_INFINITY) return -1;
    if (found === -1 || retryAfterMs > states[found]!.retryAfterMs) found = index;
  }
  return found;
}

function waitOf({ limits }: Charge, { states }: Reservation): number {
  let longest = 1;
  for (const [index, { admitted, retryAfterMs, demand }] of states.entries()) {
    if (admitted || demand.shadow === true) continue;
    const wait = limits[index]!.rule.algorithm === 'concurrency' ? ASK_AGAIN_MS : retryAfterMs;
    longest = Math.max(longest, wait);
  }
  return longest;
}

/** What is asked for of a rate of requests, as the time that it takes to refill. Of what is given back afterwards nobody knows how much. */
function refillOf({ limits, demands }: Charge, index: number): number {
  const { unit, rule } = limits[index]!;
  if (unit !== 'requests' || rule.algorithm !== 'rate') return 0;
  return (demands[index]!.amount * rule.windowMs!) / rule.limit;
}

function roomOf({ demands }: Charge, index: number): string {
  const { rule, partition } = demands[index]!;
  return `${rule.name} ${partition}`;
}

function pause(ms: number, left: Cancellation): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      left.remove(over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    left.add(over);
  });
}

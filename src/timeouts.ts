/**
 * Timeouts that nearly never come: of operations and backend calls. Those of one length end in the order in which they began, so a
 * list and one timer of Node's serve them all; beginning and stopping one costs a tenth of what `setTimeout` and `clearTimeout` cost.
 */

/** One timeout that has begun. */
export class Timeout {
  /** On the clock of `performance.now()`. */
  readonly at: number;
  readonly onOver: () => void;
  list: TimeoutList | undefined;
  previous: Timeout | undefined = undefined;
  next: Timeout | undefined = undefined;

  constructor(at: number, onOver: () => void, list: TimeoutList) {
    this.at = at;
    this.onOver = onOver;
    this.list = list;
  }

  /** Also when it is over, or stopped already. */
  stop(): void {
    this.list?.remove(this);
  }
}

/** The timeouts of one length. */
class TimeoutList {
  readonly #ms: number;
  #first: Timeout | undefined;
  #last: Timeout | undefined;
  #isArmed = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** @param now `performance.now()`, for those who have looked already */
  start(onOver: () => void, now = performance.now()): Timeout {
    const timeout = new Timeout(now + this.#ms, onOver, this);
    timeout.previous = this.#last;
    if (this.#last === undefined) this.#first = timeout;
    else this.#last.next = timeout;
    this.#last = timeout;
    if (!this.#isArmed) this.#arm(this.#ms);
    return timeout;
  }

  remove(timeout: Timeout): void {
    const { previous, next } = timeout;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // What has left holds nothing: an old one would keep all that began after it in memory.
    timeout.list = undefined;
    timeout.previous = undefined;
    timeout.next = undefined;
  }

  /** The timer is left alone when a timeout is stopped: it finds nothing to do, or something later. */
  #arm(ms: number): void {
    this.#isArmed = true;
    // What is waited for keeps the process alive by itself.
    setTimeout(this.#tick, Math.max(1, Math.ceil(ms))).unref();
  }

  readonly #tick = (): void => {
    this.#isArmed = false;
    const now = performance.now();
    for (let first = this.#first; first !== undefined && first.at <= now; first = this.#first) {
      this.remove(first);
      first.onOver();
    }
    if (this.#first !== undefined && !this.#isArmed) this.#arm(this.#first.at - now);
  };
}

const lists = new Map<number, TimeoutList>();
/** Lengths come from settings, so there are few. */
const MAX_LISTS = 1000;

/** All timeouts of a length, in milliseconds. */
export function timeoutsOf(ms: number): TimeoutList {
  let list = lists.get(ms);
  if (list === undefined) {
    list = new TimeoutList(ms);
    if (lists.size < MAX_LISTS) lists.set(ms, list);
  }
  return list;
}

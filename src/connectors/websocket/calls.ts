/** Requests and their answers, matched by id over the one connection. */
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { Begun, Breaker, Ended } from '../../upstream/breaker.ts';
import { remainingMs, watch } from '../../upstream/deadline.ts';
import { WaitingById } from '../../upstream/waiting-by-id.ts';
import { toUpstreamError } from '../batch.ts';
import type { CallContext, ConnectionSetup, OnOutcome, Outcome } from '../kind.ts';
import type { CallBinding } from './bind.ts';
import type { Link } from './link.ts';
import type { WebsocketOptions } from './options.ts';
import type { Message, MessageId, Protocol, WriteRequest } from './protocol.ts';

/** Requests that wait for the connection or for a free place; more are refused. */
const MAX_WAITING = 10_000;

/** Answers that are still wanted after their time; the oldest are given up. */
const MAX_LATE = 1000;

/** What waits for an answer. */
interface Pending {
  answered(message: Message): void;
  failed(error: UpstreamError): void;
}

/** Also of an answer that comes too late, for what has to be undone then. */
interface Asked extends Pending {
  answeredLate?(message: Message): void;
}

export class Calls {
  readonly #setup: ConnectionSetup<WebsocketOptions>;
  readonly #protocol: Protocol;
  readonly #link: Link;
  readonly #idPrefix: string | undefined;
  readonly #pending = new WaitingById<unknown, Pending>();
  readonly #late = new Map<unknown, (message: Message) => void>();
  /** First in, first out. */
  readonly #waiting = new Set<Call>();
  #lastId = 0;

  constructor(setup: ConnectionSetup<WebsocketOptions>, protocol: Protocol, link: Link) {
    this.#setup = setup;
    this.#protocol = protocol;
    this.#link = link;
    this.#idPrefix = setup.options.ids === 'text' ? `${crypto.randomUUID().slice(0, 8)}-` : undefined;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Sends one request per element of the batch. Never rejects. */
  exchange(
    binding: CallBinding,
    write: WriteRequest,
    { batch, onOutcome }: { readonly batch: readonly Values[]; readonly onOutcome?: OnOutcome | undefined },
    context: CallContext,
  ): Promise<readonly Outcome[]> {
    if (batch.length === 0) return Promise.resolve([]);
    const { breaker, settings } = this.#setup;
    const { requestMs, connectMs } = settings.timeouts;
    const { cancellation, deadlineAt } = context;
    const now = performance.now();
    const limitMs = remainingMs(requestMs, context, now);
    if (limitMs === 0) return Promise.resolve(batch.map(() => this.#timeout()));
    return new Promise((resolve) => {
      const exchange = new Exchange(batch.length, { resolve, onOutcome });
      exchange.trace = context.carried;
      exchange.stop = watch(requestMs, context, () => this.#expire(exchange, cancellation.isCancelled), now);
      const told = breaker && { breaker, cancellation, deadlineAt, hadTime: limitMs >= requestMs / 2 };
      const link = this.#link;
      if (!link.isOpen && !link.isHopeless && connectMs < limitMs) {
        exchange.connectTimer = setTimeout(() => this.#giveUpWaiting(exchange), connectMs);
      }
      for (let index = 0; index < batch.length; index++) {
        const call = new Call(exchange, index, binding, write, this.#protocol);
        exchange.calls.push(call);
        try {
          call.params = binding.params(batch[index]!);
        } catch (error) {
          call.failed(toUpstreamError(this.#setup.name, error));
          continue;
        }
        const begun = breaker?.begin() ?? 0;
        if (typeof begun !== 'number') {
          call.failed(begun);
          continue;
        }
        context.onCall?.();
        call.begin(begun, told);
        this.#start(call, link);
      }
    });
  }

  /**
   * Sends one message of its own and waits for its answer. Only while the connection is open.
   * @param write writes the message for an id
   */
  ask(write: (id: MessageId) => string, pending: Asked): void {
    const id = this.#nextId();
    const timer = setTimeout(() => {
      this.#pending.take(id);
      if (pending.answeredLate !== undefined) this.#remember(id, pending.answeredLate);
      this.#link.probe();
      pending.failed(this.#timeout());
    }, this.#setup.settings.timeouts.requestMs);
    this.#pending.add(id, {
      answered(message) {
        clearTimeout(timer);
        pending.answered(message);
      },
      failed(error) {
        clearTimeout(timer);
        pending.failed(error);
      },
    });
    if (!this.#link.send(write(id))) this.#take(id)?.failed(this.#link.unread());
  }

  /** @returns whether somebody waited for this answer */
  answered(message: Message): boolean {
    const id = this.#protocol.idOf(message);
    const pending = this.#take(id);
    if (pending === undefined) return this.#late.size > 0 && this.#answeredLate(id, message);
    pending.answered(message);
    if (this.#waiting.size > 0) this.#drain();
    return true;
  }

  /** The connection is open: what waited for it is sent. */
  opened(): void {
    this.#drain();
  }

  /** What was sent has no answer any more. What was not sent goes on waiting. */
  lost(failure: () => UpstreamError): void {
    const all = this.#pending.ids().map((id) => this.#take(id));
    this.#late.clear();
    for (const pending of all) pending?.failed(failure());
  }

  /** How many answers are missing. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** There will be no connection soon. */
  abandonWaiting(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const call of all) call.failed(this.#link.failure());
  }

  #start(call: Call, link: Link): void {
    if (link.isOpen && this.#waiting.size === 0 && this.#pending.size < this.#setup.options.maxInFlight) {
      this.#transmit(call, link);
    } else if (link.isHopeless) {
      call.failed(link.failure());
    } else if (this.#waiting.size >= MAX_WAITING) {
      const internal = `${MAX_WAITING} requests are waiting already`;
      call.failed(new UpstreamError('UPSTREAM_LIMITED', this.#setup.name, { internal }));
    } else {
      this.#waiting.add(call);
      link.want();
    }
  }

  #transmit(call: Call, link: Link): void {
    const id = this.#nextId();
    call.id = id;
    this.#pending.add(id, call);
    try {
      if (link.send(call.write(id, call.params, call.exchange.trace))) return;
      this.#take(id)?.failed(this.#link.unread());
    } catch (error) {
      // JSON cannot hold every value, e.g. a bigint.
      this.#take(id)?.failed(toUpstreamError(this.#setup.name, error));
    }
  }

  #drain(): void {
    for (const call of this.#waiting) {
      if (!this.#link.isOpen || this.#pending.size >= this.#setup.options.maxInFlight) return;
      this.#waiting.delete(call);
      this.#transmit(call, this.#link);
    }
  }

  /** Its time is over, or nobody waits any more: that says nothing about the backend. */
  #expire(exchange: Exchange, hasLeft: boolean): void {
    const link = this.#link;
    if (!hasLeft) link.probe();
    for (const call of exchange.calls) {
      if (call.settled) continue;
      const sent = call.id !== undefined;
      if (sent) this.#pending.take(call.id);
      else this.#waiting.delete(call);
      call.failed(sent || link.isOpen || hasLeft ? this.#timeout() : link.failure());
    }
    if (this.#waiting.size > 0) this.#drain();
  }

  #giveUpWaiting(exchange: Exchange): void {
    const link = this.#link;
    if (link.isOpen) return;
    for (const call of exchange.calls) {
      if (this.#waiting.delete(call)) call.failed(link.failure());
    }
  }

  #remember(id: MessageId, answeredLate: (message: Message) => void): void {
    const [oldest] = this.#late.keys();
    if (this.#late.size >= MAX_LATE) this.#late.delete(oldest);
    this.#late.set(id, answeredLate);
  }

  #answeredLate(id: unknown, message: Message): boolean {
    const answeredLate = this.#late.get(id);
    if (answeredLate === undefined) return false;
    this.#late.delete(id);
    answeredLate(message);
    return true;
  }

  #take(id: unknown): Pending | undefined {
    return id === undefined ? undefined : this.#pending.take(id);
  }

  /** Never 0, which some servers take for "no id"; never used twice, so that a late answer meets nobody. */
  #nextId(): MessageId {
    const number = ++this.#lastId;
    return this.#idPrefix === undefined ? number : this.#idPrefix + number;
  }

  #timeout(): UpstreamError {
    return new UpstreamError('UPSTREAM_TIMEOUT', this.#setup.name, { internal: 'did not answer in time' });
  }
}

/** Who is told what becomes of a call, and how long that could wait. */
interface Told extends Ended {
  readonly breaker: Breaker;
}

/** One element of a batch. */
class Call implements Pending {
  readonly exchange: Exchange;
  readonly index: number;
  readonly write: WriteRequest;
  readonly #binding: CallBinding;
  readonly #protocol: Protocol;
  params: unknown;
  /** Undefined until sent. */
  id: MessageId | undefined;
  settled = false;
  #begun: Begun = 0;
  #told: Told | undefined;

  constructor(
    exchange: Exchange,
    index: number,
    binding: CallBinding,
    write: WriteRequest,
    protocol: Protocol,
  ) {
    this.exchange = exchange;
    this.index = index;
    this.write = write;
    this.#binding = binding;
    this.#protocol = protocol;
  }

  /** From here on the breaker is told what becomes of it. */
  begin(begun: Begun, told: Told | undefined): void {
    this.#begun = begun;
    this.#told = told;
  }

  answered(message: Message): void {
    if (!this.settled) this.#told?.breaker.answered(this.#begun);
    const outcome = this.#protocol.outcomeOf(message);
    if (!(outcome instanceof UpstreamError)) this.#settle(outcome);
    else this.#settle(outcome.code === 'UPSTREAM_NOT_FOUND' && this.#binding.missingIsNull ? null : outcome);
  }

  failed(error: UpstreamError): void {
    if (!this.settled) this.#told?.breaker.ended(this.#begun, error, this.#told);
    this.#settle(error);
  }

  #settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    this.exchange.settle(this.index, outcome);
  }
}

interface WhoWaits {
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly onOutcome: OnOutcome | undefined;
}

/** One batch: its timers, and its outcomes until all are there. */
class Exchange {
  readonly calls: Call[] = [];
  /** Ends the watch over its time. */
  stop: () => void = () => {};
  connectTimer: NodeJS.Timeout | undefined;
  /** What tells the backend of the trace. */
  trace: CallContext['carried'];
  readonly #outcomes: Outcome[];
  readonly #told: WhoWaits;
  #missing: number;

  constructor(size: number, told: WhoWaits) {
    this.#outcomes = new Array(size).fill(undefined);
    this.#missing = size;
    this.#told = told;
  }

  settle(index: number, outcome: Outcome): void {
    this.#outcomes[index] = outcome;
    this.#told.onOutcome?.(index, outcome);
    if (--this.#missing > 0) return;
    this.stop();
    clearTimeout(this.connectTimer);
    this.#told.resolve(this.#outcomes);
  }
}

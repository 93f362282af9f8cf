/**
 * Calls that wait for their answers on one channel. Each exchange has a channel of its own: the broker answers a message to a
 * missing exchange by closing the channel, and that must fail nobody else's calls.
 */
import { randomBytes } from 'node:crypto';
import type { Channel, ChannelModel, Message } from 'amqplib';
import { UpstreamError } from '../../errors.ts';
import type { Begun, Breaker } from '../../upstream/breaker.ts';
import { remainingMs, type Waiting, watch } from '../../upstream/deadline.ts';
import { WaitingById } from '../../upstream/waiting-by-id.ts';
import type { ConnectionSetup } from '../kind.ts';
import { lostConnection, NO_ROUTE, toBrokerError } from './failures.ts';
import { Gate } from './gate.ts';
import type { Link } from './link.ts';

/** More than this are refused: what waits takes memory. */
const MAX_WAITING = 20_000;

export interface ChannelUse<C extends Channel> {
  create(model: ChannelModel): Promise<C>;
  /** What has to be in place before the first message. */
  prepare(channel: C): Promise<unknown>;
}

/** Hands a message to amqplib; gives what its publish gives. */
export type Write<C> = (channel: C, id: string, remainingMs: number) => boolean;

export class CallChannel<C extends Channel, Answer> {
  readonly #connector: string;
  readonly #breaker: Breaker | undefined;
  readonly #link: Link;
  readonly #use: ChannelUse<C>;
  /** By number: V8 would keep a text that is looked up in a Map among its old objects. */
  readonly #calls = new WaitingById<number, Call<Answer>>();
  /** Unguessable, so that no answer to another gateway's call, and none to an earlier run's, can match. */
  readonly #prefix = `${randomBytes(12).toString('base64url')}-`;
  #count = 0;
  #channel: C | undefined;
  #opening: Promise<C> | undefined;
  /** Present while amqplib's buffer is full. */
  #full: Gate | undefined;

  constructor(
    { name, breaker }: Pick<ConnectionSetup<unknown>, 'name' | 'breaker'>,
    link: Link,
    use: ChannelUse<C>,
  ) {
    this.#connector = name;
    this.#breaker = breaker;
    this.#link = link;
    this.#use = use;
  }

  /**
   * Writes one message and waits for its answer, `requestMs` at most.
   * @throws {UpstreamError} UPSTREAM_TIMEOUT at the deadline, UPSTREAM_UNAVAILABLE as soon as no answer can come
   */
  call(requestMs: number, context: Waiting, write: Write<C>): Promise<Answer> {
    const now = performance.now();
    const limitMs = remainingMs(requestMs, context, now);
    if (limitMs === 0) return Promise.reject(this.#timeout());
    if (this.#calls.size >= MAX_WAITING) {
      return Promise.reject(
        new UpstreamError('UPSTREAM_LIMITED', this.#connector, {
          internal: `${MAX_WAITING} calls are waiting`,
        }),
      );
    }
    const begun = this.#breaker?.begin() ?? 0;
    if (typeof begun !== 'number') return Promise.reject(begun);
    context.onCall?.();
    return new Promise((resolve, reject) => {
      const number = this.#count++;
      const id = this.#prefix + number;
      const stop = watch(requestMs, context, () => this.#fail(number, this.#timeout()), now);
      const endsAt = now + limitMs;
      const hadTime = limitMs >= requestMs / 2;
      const call = { number, id, resolve, reject, stop, endsAt, context, hadTime, begun };
      this.#calls.add(number, call);
      if (this.#channel !== undefined && this.#obstacle() === undefined) {
        this.#write(this.#channel, call, limitMs, write);
      } else {
        void this.#writeLater(number, write);
      }
    });
  }

  /** @returns false when nobody waits for it */
  answer(id: string, answer: Answer): boolean {
    const number = this.#numberOf(id);
    const call = number === undefined ? undefined : this.#take(number);
    if (call === undefined) return false;
    this.#link.proved();
    this.#breaker?.answered(call.begun);
    call.resolve(answer);
    return true;
  }

  fail(id: string, error: UpstreamError): void {
    const number = this.#numberOf(id);
    if (number !== undefined) this.#fail(number, error);
  }

  #fail(number: number, error: UpstreamError): void {
    const call = this.#take(number);
    if (call === undefined) return;
    const { begun, context, hadTime } = call;
    const { cancellation, deadlineAt } = context;
    // The broker is there: what is missing is one of many services.
    if (error.status !== undefined) this.#breaker?.answered(begun);
    else this.#breaker?.ended(begun, error, { cancellation, deadlineAt, hadTime });
    call.reject(error);
  }

  /** Fails what waits. The channel itself goes with its connection. */
  close(): void {
    this.#failAll(lostConnection(this.#connector, 'closed by the gateway'));
  }

  /** Of a call that waits. */
  #numberOf(id: string): number | undefined {
    let number = 0;
    for (let at = this.#prefix.length; at < id.length; at++) number = number * 10 + id.charCodeAt(at) - 48;
    return this.#calls.get(number)?.id === id ? number : undefined;
  }

  #write(channel: C, { number, id }: Call<Answer>, remainingMs: number, write: Write<C>): void {
    try {
      this.#link.gather();
      if (!write(channel, id, remainingMs)) this.#full ??= new Gate();
    } catch (cause) {
      // amqplib has these two for what it cannot encode: headers beyond its buffer, a key that is too long.
      const unfit = cause instanceof RangeError || cause instanceof TypeError;
      this.#fail(
        number,
        unfit
          ? new UpstreamError('BAD_ARGUMENT', this.#connector, { internal: cause.message, cause })
          : toBrokerError(this.#connector, cause),
      );
    }
  }

  async #writeLater(number: number, write: Write<C>): Promise<void> {
    try {
      for (;;) {
        const channel = this.#channel ?? (await this.#open());
        const call = this.#calls.get(number);
        if (call === undefined) return;
        const obstacle = this.#obstacle();
        if (obstacle === undefined) {
          this.#write(channel, call, call.endsAt - performance.now(), write);
          return;
        }
        await obstacle;
      }
    } catch (error) {
      this.#fail(number, toBrokerError(this.#connector, error));
    }
  }

  /**
   * What to wait for before writing. A message that cannot leave is not handed over: it would pile up in memory, or leave
   * after its call has failed.
   */
  #obstacle(): Promise<void> | undefined {
    return this.#full?.passed ?? this.#link.blocked;
  }

  #open(): Promise<C> {
    this.#opening ??= this.#link
      .open()
      .then((model) => this.#use.create(model))
      .then((channel) => this.#prepare(channel))
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  async #prepare(channel: C): Promise<C> {
    let failure: unknown;
    channel.on('error', (error) => {
      failure = error;
    });
    channel.on('drain', () => this.#drained());
    channel.on('return', (message) => this.#returned(message));
    channel.on('close', () => {
      failure ??= new Error('the connection closed');
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#drained();
      this.#failAll(toBrokerError(this.#connector, failure));
    });
    await this.#use.prepare(channel);
    if (failure !== undefined) throw failure;
    this.#channel = channel;
    return channel;
  }

  #drained(): void {
    this.#full?.open();
    this.#full = undefined;
  }

  #returned({ properties, fields }: Message): void {
    const { replyText } = fields as { readonly replyText?: string };
    this.fail(
      properties.correlationId ?? properties.messageId,
      new UpstreamError('UPSTREAM_UNAVAILABLE', this.#connector, {
        internal: `no queue took the message (${replyText}) for "${fields.routingKey}" at exchange "${fields.exchange}"`,
        status: String(NO_ROUTE),
      }),
    );
  }

  #take(number: number): Call<Answer> | undefined {
    const call = this.#calls.take(number);
    call?.stop();
    return call;
  }

  #failAll(error: UpstreamError): void {
    for (const number of this.#calls.ids()) this.#fail(number, error);
  }

  #timeout(): UpstreamError {
    return new UpstreamError('UPSTREAM_TIMEOUT', this.#connector, {
      internal: this.#link.blocked === undefined ? 'no answer in time' : 'the broker takes no messages',
    });
  }
}

interface Call<Answer> {
  readonly number: number;
  /** What the message carries. */
  readonly id: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: UpstreamError) => void;
  /** Ends the watch over its time. */
  readonly stop: () => void;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
  readonly context: Waiting;
  readonly hadTime: boolean;
  readonly begun: Begun;
}

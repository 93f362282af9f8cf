/** Subscriptions to exchanges: who shares which queue, and how queues come back after the broker or the connection went away. */
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { Drops } from '../../upstream/drops.ts';
import { Attempts } from '../../upstream/reconnect.ts';
import { Subscriber } from '../../upstream/subscriber.ts';
import { toUpstreamError } from '../batch.ts';
import { type CallContext, type ConnectionSetup, StreamGap } from '../kind.ts';
import type { SubscribeBinding } from './bind.ts';
import type { DropReason } from './content.ts';
import { toBrokerError } from './failures.ts';
import { Link } from './link.ts';
import type { AmqpOptions } from './options.ts';
import { SharedQueue } from './queue.ts';

interface Entry {
  readonly key: string;
  readonly queue: SharedQueue;
  /** Those who have not seen the queue live: they hear of the next failure, which to the others is an interruption that is repaired. */
  readonly newcomers: Set<Subscriber>;
  starting: boolean;
  /** Why the broker gave no queue, until it is asked again. */
  refusal: UpstreamError | undefined;
  /** To have a queue at the broker. Without a connection there are none: those to have one are the link's. */
  readonly attempts: Attempts;
  timer: NodeJS.Timeout | undefined;
}

export class Subscriptions implements AsyncDisposable {
  readonly #setup: ConnectionSetup<AmqpOptions>;
  readonly #drops: Drops<DropReason>;
  readonly #link: Link;
  readonly #entries = new Map<string, Entry>();

  constructor(setup: ConnectionSetup<AmqpOptions>, drops: Drops<DropReason>) {
    this.#setup = setup;
    this.#drops = drops;
    this.#link = new Link(setup, 'events', {
      wanted: () => this.#entries.size > 0,
      onOpen: () => this.#resume(),
      onGivingUp: (error) => {
        for (const entry of [...this.#entries.values()]) this.#end(entry, error);
      },
    });
  }

  open(binding: SubscribeBinding, values: Values, { signal }: CallContext): AsyncIterable<unknown> {
    try {
      return this.#join(binding.exchange, binding.routingKey(values), signal);
    } catch (error) {
      return Subscriber.failed(toUpstreamError(this.#setup.name, error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of [...this.#entries.values()]) this.#end(entry);
    await this.#link[Symbol.asyncDispose]();
  }

  #join(exchange: string, routingKey: string, signal: AbortSignal): Subscriber {
    // Neither part can contain a NUL.
    const key = `${exchange}\u0000${routingKey}`;
    const entry = this.#entries.get(key) ?? this.#add(key, exchange, routingKey);
    const { name, options, settings } = this.#setup;
    const subscriber = new Subscriber({
      connector: name,
      events: options.subscriber.buffer,
      bytes: settings.limits.responseBytes,
      patienceMs: options.subscriber.patienceMs,
      signal,
      onEnd: () => {
        entry.queue.subscribers.delete(subscriber);
        entry.newcomers.delete(subscriber);
        if (entry.queue.subscribers.size === 0) this.#end(entry);
      },
    });
    entry.queue.subscribers.add(subscriber);
    if (signal.aborted) subscriber.leave();
    else if (!entry.queue.isLive) this.#wait(entry, subscriber);
    return subscriber;
  }

  #add(key: string, exchange: string, routingKey: string): Entry {
    const { name, options, settings } = this.#setup;
    if (this.#entries.size >= options.queues.max) {
      throw new UpstreamError('UPSTREAM_LIMITED', name, {
        internal: `${options.queues.max} bindings are subscribed to, which is the limit (queues: {max})`,
      });
    }
    const queue = new SharedQueue({
      connector: name,
      exchange,
      routingKey,
      options,
      limits: settings.limits,
      drops: this.#drops,
      onLive: () => this.#resumed(entry),
      onEvent: () => {
        entry.attempts.proved();
        this.#link.proved();
      },
      onGone: (cause) => this.#again(entry, cause),
    });
    const entry: Entry = {
      key,
      queue,
      newcomers: new Set(),
      starting: false,
      refusal: undefined,
      attempts: new Attempts(options.reconnect),
      timer: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #end(entry: Entry, error?: UpstreamError): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    clearTimeout(entry.timer);
    entry.queue.end(error);
    entry.queue.close();
  }

  /** Until the queue is live, or the next attempt to have one has failed. An attempt for each newcomer would use up those of the others. */
  #wait(entry: Entry, newcomer: Subscriber): void {
    entry.newcomers.add(newcomer);
    if (entry.refusal !== undefined) newcomer.fail(entry.refusal);
    else void this.#start(entry);
  }

  #resumed({ queue, newcomers }: Entry): void {
    const gap = new StreamGap('the subscription was interrupted');
    for (const subscriber of queue.subscribers) {
      if (!newcomers.has(subscriber)) subscriber.push(gap, 0);
    }
    newcomers.clear();
  }

  #resume(): void {
    for (const entry of this.#entries.values()) void this.#start(entry);
  }

  async #start(entry: Entry): Promise<void> {
    if (entry.starting || entry.queue.isLive) return;
    entry.starting = true;
    entry.refusal = undefined;
    const { name, settings } = this.#setup;
    try {
      const model = await this.#link.open();
      await withLimit(settings.timeouts.requestMs, (limit) => entry.queue.start(model, limit));
      entry.attempts.opened();
    } catch (cause) {
      const error = toBrokerError(name, cause);
      for (const newcomer of [...entry.newcomers]) newcomer.fail(error);
      // Without a connection there is nothing to do until the link has one, or gives up.
      if (this.#link.isOpen) {
        entry.refusal = error;
        this.#again(entry, cause);
      }
    } finally {
      entry.starting = false;
    }
  }

  /** The broker took the queue, or did not give one. */
  #again(entry: Entry, cause: unknown): void {
    if (this.#entries.get(entry.key) !== entry) return;
    const delayMs = entry.attempts.ended();
    const error = toBrokerError(this.#setup.name, cause);
    if (entry.attempts.areOver) {
      this.#end(entry, error);
      return;
    }
    // What was lost for the first time is made again at once.
    if (entry.attempts.inVain > 1) entry.refusal = error;
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void this.#start(entry), delayMs);
    entry.timer.unref();
  }
}

/** @throws what the work throws, or a text about the time */
async function withLimit(limitMs: number, work: (limit: AbortSignal) => Promise<void>): Promise<void> {
  const limit = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`the broker did not answer within ${limitMs} ms`);
    limit.abort(error);
    reject(error);
  }, limitMs);
  try {
    await Promise.race([work(limit.signal), promise]);
  } finally {
    clearTimeout(timer);
  }
}

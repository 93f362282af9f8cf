/** Topics and who listens to them: one subscription at the backend per topic, however many listen here. */
import { type ErrorCode, UpstreamError } from '../../errors.ts';
import { Attempts } from '../../upstream/reconnect.ts';
import { Subscriber } from '../../upstream/subscriber.ts';
import { type CallContext, type ConnectionSetup, StreamGap } from '../kind.ts';
import type { Calls } from './calls.ts';
import type { Feed } from './feed.ts';
import type { Link } from './link.ts';
import type { WebsocketOptions } from './options.ts';
import type { Message, Protocol } from './protocol.ts';

/** With these a backend says that it cannot now, not that it will not: one that has just started, say. */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set([
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_FAILED',
  'UPSTREAM_UNAVAILABLE',
]);

interface Topic {
  readonly key: string;
  readonly name: string;
  readonly params: unknown;
  /** The parameters as JSON. */
  readonly paramsText: string;
  readonly subscribers: Set<Subscriber>;
  /** Those who have not seen it live: they hear of the next failure, which to the others is an interruption that is repaired. */
  readonly newcomers: Set<Subscriber>;
  /** On this connection. `asked`: subscribe was sent and is not answered yet. */
  state: 'unknown' | 'asked' | 'live' | 'left';
  /** Why subscribing was in vain, until it is tried again. */
  refusal: UpstreamError | undefined;
  /** To be subscribed to, those in vain in a row; there are none without a connection. */
  attempts: Attempts;
  /** That it is live this time: worth a new row once it has brought an event or has stayed, and nothing against it if it has not. */
  life: Attempts;
  timer: NodeJS.Timeout | undefined;
  /** By what its events are found, on this connection. */
  eventKey: unknown;
  /** The id that the backend gave the subscription, on this connection. */
  subscription: unknown;
  /** Ids that were given too late, while the topic is asked for again. */
  readonly surplus: unknown[];
}

export class Subscriptions {
  readonly #setup: ConnectionSetup<WebsocketOptions>;
  readonly #protocol: Protocol;
  readonly #feed: Feed;
  readonly #calls: Calls;
  readonly #link: Link;
  readonly #topics = new Map<string, Topic>();
  readonly #byEventKey = new Map<unknown, Topic>();

  constructor(
    setup: ConnectionSetup<WebsocketOptions>,
    protocol: Protocol,
    feed: Feed,
    over: { readonly calls: Calls; readonly link: Link },
  ) {
    this.#setup = setup;
    this.#protocol = protocol;
    this.#feed = feed;
    this.#calls = over.calls;
    this.#link = over.link;
  }

  get size(): number {
    return this.#topics.size;
  }

  /** @throws {UpstreamError} when the subscription cannot even be tried */
  subscribe(name: string, params: unknown, signal: CallContext['signal']): AsyncIterableIterator<unknown> {
    const topic = this.#find(name, params);
    const subscriber = new Subscriber({
      connector: this.#setup.name,
      events: this.#setup.options.subscriber.buffer,
      bytes: this.#setup.settings.limits.responseBytes,
      signal,
      onEnd: () => {
        topic.subscribers.delete(subscriber);
        topic.newcomers.delete(subscriber);
        if (topic.subscribers.size === 0) this.#leave(topic);
      },
    });
    topic.subscribers.add(subscriber);
    if (signal.aborted) subscriber.leave();
    else if (topic.state !== 'live') this.#wait(topic, subscriber);
    return subscriber;
  }

  /** @returns whether the message is an event that somebody listens to */
  received(message: Message, bytes: number): boolean {
    const key = this.#feed.keyOf(message);
    const topic = key === undefined ? undefined : this.#byEventKey.get(key);
    if (topic === undefined) return false;
    this.#resume(topic);
    topic.life.proved();
    if (this.#feed.isEnd(message)) {
      this.#remove(topic);
      for (const subscriber of [...topic.subscribers]) subscriber.end();
      return true;
    }
    const payload = this.#feed.payloadOf(message);
    for (const subscriber of topic.subscribers) subscriber.push(payload, bytes);
    return true;
  }

  /** The connection is open: every topic is subscribed to, anew or for the first time. */
  opened(): void {
    for (const topic of [...this.#topics.values()]) this.#ask(topic);
  }

  lost(): void {
    for (const topic of this.#topics.values()) {
      clearTimeout(topic.timer);
      topic.refusal = undefined;
      this.#interrupt(topic);
    }
  }

  /** Ends those who have not seen their topic live, or all. */
  abandon(which: 'new' | 'all'): void {
    for (const { subscribers, newcomers } of [...this.#topics.values()]) {
      for (const subscriber of [...(which === 'all' ? subscribers : newcomers)]) {
        subscriber.fail(this.#link.failure());
      }
    }
  }

  #find(name: string, params: unknown): Topic {
    const paramsText = params === undefined ? '' : JSON.stringify(params);
    const key = this.#feed.byTopic ? name : `${name}\n${paramsText}`;
    const known = this.#topics.get(key);
    if (known !== undefined) {
      if (known.paramsText === paramsText) return known;
      throw new UpstreamError('UPSTREAM_CONFLICT', this.#setup.name, {
        internal: 'the topic is subscribed to with other parameters, and its events could not be told apart',
      });
    }
    if (this.#topics.size >= this.#setup.options.maxTopics) {
      throw new UpstreamError('UPSTREAM_LIMITED', this.#setup.name, {
        internal: `${this.#topics.size} topics are subscribed to already`,
      });
    }
    const topic: Topic = {
      key,
      name,
      params,
      paramsText,
      subscribers: new Set(),
      newcomers: new Set(),
      state: 'unknown',
      refusal: undefined,
      attempts: new Attempts(this.#setup.options.reconnect),
      life: new Attempts(this.#setup.options.reconnect),
      timer: undefined,
      eventKey: undefined,
      subscription: undefined,
      surplus: [],
    };
    this.#topics.set(key, topic);
    return topic;
  }

  /** Those who are there already go on waiting: they have more patience than who has just come. */
  #wait(topic: Topic, newcomer: Subscriber): void {
    topic.newcomers.add(newcomer);
    if (topic.refusal !== undefined) newcomer.fail(topic.refusal);
    else if (topic.state === 'asked') return;
    else if (this.#link.isOpen) this.#ask(topic);
    else if (this.#link.isHopeless) newcomer.fail(this.#link.failure());
    else this.#link.want();
  }

  #ask(topic: Topic): void {
    const { subscribe, byTopic } = this.#feed;
    const about = { topic: topic.name, params: topic.params, subscription: undefined };
    topic.state = 'asked';
    topic.refusal = undefined;
    // By topic, events can be told before the answer has come, and some servers send them first.
    if (byTopic) this.#listen(topic, topic.name);
    if (!subscribe.answered) {
      if (this.#link.send(subscribe.write(0, about))) this.#resume(topic);
      else this.#failed(topic, this.#link.unread());
      return;
    }
    this.#calls.ask((id) => subscribe.write(id, about), {
      answered: (message) => this.#answered(topic, message),
      failed: (error) => {
        // A lost connection does not end subscriptions; the next one carries them again.
        if (!this.#link.isOpen || topic.state !== 'asked') return;
        this.#failed(topic, error);
        if (byTopic) this.#unsubscribe(topic);
      },
      // Until its id is known a subscription cannot be given back.
      ...(!byTopic && { answeredLate: (message) => this.#answeredLate(topic, message) }),
    });
  }

  #answeredLate(topic: Topic, message: Message): void {
    if (this.#protocol.outcomeOf(message) instanceof UpstreamError) return;
    const found = this.#feed.subscriptionIn(message, topic.name);
    if (found !== undefined && !(found instanceof UpstreamError)) this.#giveBack(topic, found);
  }

  /** Some backends give the same id for the same topic again: one that is listened to is kept, and one that may turn out to be. */
  #giveBack(topic: Topic, subscription: unknown): void {
    const current = this.#topics.get(topic.key);
    if (current?.state === 'asked') current.surplus.push(subscription);
    else if (!this.#byEventKey.has(subscription)) this.#unsubscribe(topic, subscription);
  }

  #giveBackSurplus(topic: Topic): void {
    for (const subscription of topic.surplus.splice(0)) this.#giveBack(topic, subscription);
  }

  #answered(topic: Topic, message: Message): void {
    const outcome = this.#protocol.outcomeOf(message);
    const found = outcome instanceof UpstreamError ? outcome : this.#feed.subscriptionIn(message, topic.name);
    if (found instanceof UpstreamError) {
      this.#failed(topic, found);
      return;
    }
    topic.subscription = found;
    if (this.#feed.byTopic) {
      if (topic.state !== 'left') this.#resume(topic);
    } else if (found === undefined) {
      const internal = 'answered subscribe without the id of the subscription';
      this.#failed(topic, new UpstreamError('UPSTREAM_INVALID', this.#setup.name, { internal }));
    } else if (topic.state === 'left') {
      // The last listener left before the id was known.
      this.#giveBack(topic, found);
    } else {
      this.#listen(topic, found);
      this.#resume(topic);
    }
  }

  /** Subscribing was in vain. Those who had the topic before get it again as they get a lost connection again. */
  #failed(topic: Topic, error: UpstreamError): void {
    if (topic.state === 'left') return;
    this.#interrupt(topic);
    const delayMs = topic.attempts.ended();
    const isWorthAnother = MAY_PASS.has(error.code) && !topic.attempts.areOver;
    for (const subscriber of [...(isWorthAnother ? topic.newcomers : topic.subscribers)]) {
      subscriber.fail(error);
    }
    if (topic.subscribers.size === 0) return;
    this.#setup.log.debug({ err: error }, 'cannot subscribe again');
    topic.refusal = error;
    topic.timer = setTimeout(() => {
      if (this.#link.isOpen) this.#ask(topic);
    }, delayMs);
  }

  /** No events arrive until the topic is subscribed to again. */
  #interrupt(topic: Topic): void {
    this.#unlisten(topic);
    if (topic.state === 'live') {
      topic.life.ended();
      if (topic.life.inVain === 0) topic.attempts = topic.life;
    }
    topic.state = 'unknown';
    topic.subscription = undefined;
    this.#giveBackSurplus(topic);
  }

  #listen(topic: Topic, eventKey: unknown): void {
    topic.eventKey = eventKey;
    this.#byEventKey.set(eventKey, topic);
  }

  #unlisten(topic: Topic): void {
    if (this.#byEventKey.get(topic.eventKey) === topic) this.#byEventKey.delete(topic.eventKey);
    topic.eventKey = undefined;
  }

  /** The subscription works: whoever lived through a loss is told that events may be missing. */
  #resume(topic: Topic): void {
    if (topic.state === 'live') return;
    topic.state = 'live';
    topic.life = new Attempts(this.#setup.options.reconnect);
    topic.life.opened();
    const gap = new StreamGap('the connection to the backend was lost');
    for (const subscriber of topic.subscribers) {
      if (!topic.newcomers.has(subscriber)) subscriber.push(gap, 0);
    }
    topic.newcomers.clear();
    this.#giveBackSurplus(topic);
  }

  /** Nobody listens any more. */
  #leave(topic: Topic): void {
    if (this.#topics.get(topic.key) !== topic) return;
    const wasAsked = topic.state === 'asked';
    const wasLive = topic.state === 'live';
    this.#remove(topic);
    if (wasLive || (wasAsked && this.#feed.byTopic)) this.#unsubscribe(topic);
  }

  #remove(topic: Topic): void {
    // A topic that was left may have a successor of the same key.
    if (this.#topics.get(topic.key) === topic) this.#topics.delete(topic.key);
    clearTimeout(topic.timer);
    this.#unlisten(topic);
    topic.state = 'left';
    this.#giveBackSurplus(topic);
  }

  #unsubscribe(topic: Topic, subscription = topic.subscription): void {
    const { unsubscribe } = this.#feed;
    if (unsubscribe === undefined || !this.#link.isOpen) return;
    const about = { topic: topic.name, params: topic.params, subscription };
    if (!unsubscribe.answered) {
      this.#link.send(unsubscribe.write(0, about));
      return;
    }
    this.#calls.ask((id) => unsubscribe.write(id, about), {
      answered: () => {},
      failed: (error) => this.#setup.log.debug({ err: error }, 'cannot unsubscribe'),
    });
  }
}

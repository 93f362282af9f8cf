/**
 * Gives each event of a queue to all who share it. An event is taken once anybody has room for it, so those who read never wait for who
 * does not; while nobody has room the broker waits.
 */
import { notRead, type Subscriber } from '../../upstream/subscriber.ts';

export interface FanOutSettings {
  readonly connector: string;
  /** What may wait for one subscriber beyond its buffer when others have taken it. */
  readonly events: number;
  readonly bytes: number;
}

/** What others have taken and a subscriber has no room for yet. What nobody has taken says nothing about who is late. */
interface Lag {
  events: number;
  bytes: number;
}

export class FanOut {
  readonly #settings: FanOutSettings;
  readonly #subscribers: ReadonlySet<Subscriber>;
  /** Of those who have any. */
  readonly #lags = new Map<Subscriber, Lag>();

  constructor(settings: FanOutSettings, subscribers: ReadonlySet<Subscriber>) {
    this.#settings = settings;
    this.#subscribers = subscribers;
  }

  /** @param onTaken called once: when somebody has room for the event, or nobody is left who waits for it */
  deliver(event: unknown, bytes: number, onTaken: () => void): void {
    const waiting = new Set<Subscriber>();
    let isTaken = false;
    const take = () => {
      if (isTaken) return;
      isTaken = true;
      onTaken();
      for (const laggard of waiting) {
        this.#lag(laggard, 1, bytes);
        this.#check(laggard);
      }
    };
    for (const subscriber of this.#subscribers) {
      const accepted = () => {
        waiting.delete(subscriber);
        if (isTaken) this.#lag(subscriber, -1, -bytes);
        // One that ends lets go of all that it waited for, and is no subscriber a moment later: that is no room.
        queueMicrotask(() => {
          if (waiting.size === 0 || this.#subscribers.has(subscriber)) take();
        });
      };
      if (!subscriber.push(event, bytes, accepted)) waiting.add(subscriber);
    }
    if (waiting.size < this.#subscribers.size || waiting.size === 0) take();
  }

  #lag(subscriber: Subscriber, events: number, bytes: number): void {
    const lag = this.#lags.get(subscriber) ?? { events: 0, bytes: 0 };
    lag.events += events;
    lag.bytes += bytes;
    if (lag.events === 0) this.#lags.delete(subscriber);
    else this.#lags.set(subscriber, lag);
  }

  /** Ends the stream of a subscriber that others have left too far behind. */
  #check(laggard: Subscriber): void {
    const { connector, events, bytes } = this.#settings;
    const lag = this.#lags.get(laggard);
    if (lag === undefined || (lag.events <= events && lag.bytes <= bytes)) return;
    const internal = `others have taken ${events} events or ${bytes} bytes that the subscriber has no room for`;
    laggard.fail(notRead(connector, internal));
  }
}

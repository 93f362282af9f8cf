/** An exchange: which queues get a message of which routing key. */
import type { Queue } from './queue.ts';
import { matchesTopic } from './topic.ts';

export const EXCHANGE_TYPES = ['direct', 'topic', 'fanout'] as const;

export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

export interface ExchangeSettings {
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
}

export class Exchange {
  readonly name: string;
  readonly settings: ExchangeSettings;
  readonly #queues = new Map<string, Set<Queue>>();

  constructor(name: string, settings: ExchangeSettings) {
    this.name = name;
    this.settings = settings;
  }

  get isUsed(): boolean {
    return this.#queues.size > 0;
  }

  /** @returns whether the binding is new */
  bind(queue: Queue, routingKey: string): boolean {
    let queues = this.#queues.get(routingKey);
    if (queues === undefined) {
      queues = new Set();
      this.#queues.set(routingKey, queues);
    }
    if (queues.has(queue)) return false;
    queues.add(queue);
    return true;
  }

  /** @returns whether there was such a binding */
  unbind(queue: Queue, routingKey: string): boolean {
    const queues = this.#queues.get(routingKey);
    if (queues === undefined || !queues.delete(queue)) return false;
    if (queues.size === 0) this.#queues.delete(routingKey);
    return true;
  }

  /** @returns how many bindings that were */
  unbindAll(queue: Queue): number {
    return [...this.#queues.keys()].filter((routingKey) => this.unbind(queue, routingKey)).length;
  }

  get bindingCount(): number {
    return [...this.#queues.values()].reduce((sum, queues) => sum + queues.size, 0);
  }

  /** Each queue once, however many of its bindings match. */
  route(routingKey: string): ReadonlySet<Queue> {
    switch (this.settings.type) {
      case 'direct':
        return this.#queues.get(routingKey) ?? NONE;
      case 'fanout':
        return new Set([...this.#queues.values()].flatMap((queues) => [...queues]));
      case 'topic':
        return new Set(
          [...this.#queues].flatMap(([pattern, queues]) =>
            matchesTopic(pattern, routingKey) ? [...queues] : [],
          ),
        );
    }
  }
}

const NONE: ReadonlySet<Queue> = new Set();

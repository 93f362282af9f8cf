/** All that is counted of one gateway. Lives as long as the process, whatever is loaded meanwhile. */
import type { CacheSize } from '../bounded-cache.ts';
import type { MetricsSettings } from '../load/settings/metrics-settings.ts';
import { BackendMetrics } from './backend-metrics.ts';
import { Series } from './bounded-labels.ts';
import { ClientMetrics, NOWHERE, type UsageSink } from './client-metrics.ts';
import { counters, type Family, sizesOfCache } from './family.ts';
import { Counter } from './histogram.ts';
import { MetricsOfClients } from './metrics-of-clients.ts';

export class Metrics {
  /** How many of the operations have the time of their fields taken, from 0 to 1. */
  readonly sample: number;
  readonly backends: BackendMetrics;
  readonly #ofClients: MetricsOfClients;
  readonly #clients = new Map<string, ClientMetrics>();
  readonly #usage: UsageSink | undefined;
  readonly #limits: Series<Counter>;
  /** By outcome and limit: names of limits stand in the configuration, so there are few. */
  readonly #decisions: Counters = new Map();
  readonly #caches: Series<Counter>;
  /** By outcome and client. */
  readonly #lookups: Counters = new Map();
  #sizes: (() => ReadonlyMap<string, CacheSize>) | undefined;
  readonly #responses: Series<Counter>;
  /** Responses at addresses that are no client's, by status. */
  readonly #elsewhere = new Map<number, Counter>();

  constructor({ sample, maxSeries }: MetricsSettings, usage?: UsageSink) {
    this.sample = sample;
    this.#usage = usage;
    this.backends = new BackendMetrics(maxSeries);
    this.#ofClients = new MetricsOfClients(maxSeries);
    const counts = { make: () => new Counter(), max: maxSeries };
    this.#limits = new Series(['limit', 'of', 'outcome'], counts);
    this.#caches = new Series(['cache', 'client', 'outcome'], counts);
    this.#responses = new Series(['client', 'status'], counts);
  }

  /** Of a client by its name. */
  of(client: string): ClientMetrics {
    let known = this.#clients.get(client);
    if (known === undefined) {
      known = new ClientMetrics(client, this.#ofClients, this.#usage);
      this.#clients.set(client, known);
    }
    return known;
  }

  /** A limit was asked. @param outcome a word of the limits' own, such as "refused" */
  limited({ name, scope, rule }: CountedLimit, outcome: string): void {
    counterOf(this.#decisions, outcome, rule.name, () => this.#limits.of(name, scope, outcome)).value++;
  }

  /** The cache of a client's answers was asked. @param outcome a word of the cache's own, such as "hit" */
  cached(client: string, outcome: string): void {
    counterOf(this.#lookups, outcome, client, () => this.#caches.of('response', client, outcome)).value++;
  }

  /** @param sizes of the caches of clients' answers, by client */
  readSizes(sizes: () => ReadonlyMap<string, CacheSize>): void {
    this.#sizes = sizes;
  }

  /** A response over HTTP has ended. @param client undefined where the address names none */
  responded(client: string | undefined, status: number): void {
    const ofClient = client === undefined ? this.#elsewhere : this.of(client).responses;
    let counter = ofClient.get(status);
    if (counter === undefined) {
      counter = this.#responses.of(client ?? NOWHERE, String(status));
      ofClient.set(status, counter);
    }
    counter.value++;
  }

  /** A request was refused before any operation was found in it. @param client undefined where the address names none */
  refused(client: string | undefined, code: string): void {
    if (client === undefined) this.#ofClients.errors.of(NOWHERE, NOWHERE, code).value++;
    else this.of(client).refused(code);
  }

  /** Expands what was counted since this was last done. */
  read(): void {
    for (const client of this.#clients.values()) client.read();
  }

  families(): readonly Family[] {
    this.read();
    const now = (pick: (client: ClientMetrics) => number) =>
      [...this.#clients.values()].map((client) => ({ labels: { client: client.name }, value: pick(client) }));
    return [
      ...this.#ofClients.families(),
      {
        name: 'hem_operations_in_flight',
        help: 'Operations that are executed now.',
        type: 'gauge',
        values: now(({ inFlight }) => inFlight),
      },
      {
        name: 'hem_subscriptions_open',
        help: 'Subscriptions that are open now.',
        type: 'gauge',
        values: now(({ subscriptions }) => subscriptions),
      },
      {
        name: 'hem_subscription_events_total',
        help: 'Events that subscribers were sent.',
        type: 'counter',
        values: now(({ events }) => events),
      },
      counters(
        { name: 'hem_http_responses_total', help: 'Responses of the public listener.' },
        this.#responses,
      ),
      ...this.backends.families(),
      counters({ name: 'hem_limit_decisions_total', help: 'What limits said.' }, this.#limits),
      counters({ name: 'hem_cache_lookups_total', help: 'What caches had.' }, this.#caches),
      ...sizesOfCache(
        'hem_cache',
        [...(this.#sizes?.() ?? [])].map(([client, size]) => ({
          labels: { cache: 'response', client },
          size,
        })),
      ),
    ];
  }
}

interface CountedLimit {
  /** What operators call it; limits of other scopes may have the same. */
  readonly name: string;
  readonly scope: string;
  readonly rule: {
    /** No other limit's. */
    readonly name: string;
  };
}

type Counters = Map<string, Map<string, Counter>>;

/** Found by two names, without a text of both. */
function counterOf(known: Counters, first: string, second: string, make: () => Counter): Counter {
  let ofFirst = known.get(first);
  if (ofFirst === undefined) {
    ofFirst = new Map();
    known.set(first, ofFirst);
  }
  let counter = ofFirst.get(second);
  if (counter === undefined) {
    counter = make();
    ofFirst.set(second, counter);
  }
  return counter;
}

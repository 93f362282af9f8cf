/** What is counted of calls to backends: by connector and the connector's own field. Both engines make calls that went through here when they were compiled. */
import type { CacheSize } from '../bounded-cache.ts';
import type { CompiledCall, StreamCall, UnaryCall } from '../connectors/kind.ts';
import { Series } from './bounded-labels.ts';
import { codeOf } from './call-code.ts';
import { counters, type Family, gauges, histograms, sizesOfCache } from './family.ts';
import { Counter, Histogram } from './histogram.ts';

type BreakerState = 'closed' | 'half-open' | 'open';

/** In place of an error's code. */
const FINE = 'OK';

export class BackendMetrics {
  readonly #calls: Series<Histogram>;
  readonly #objects: Series<Counter>;
  readonly #open: Series<Counter>;
  readonly #events: Series<Counter>;
  /** By connector. */
  readonly #breakers = new Map<string, BreakerState>();
  readonly #opened: Series<Counter>;
  readonly #lookups: Series<Counter>;
  /** By connector. */
  readonly #sizes = new Map<string, () => CacheSize>();

  constructor(maxSeries: number) {
    const names = ['connector', 'coordinate'];
    const counts = { make: () => new Counter(), max: maxSeries };
    this.#calls = new Series([...names, 'code'], { make: () => new Histogram(), max: maxSeries });
    this.#objects = new Series([...names, 'code'], counts);
    this.#open = new Series(names, counts);
    this.#events = new Series(names, counts);
    this.#opened = new Series(['connector'], counts);
    this.#lookups = new Series(['connector', 'outcome'], counts);
  }

  /** The same call, counted. */
  watch(connector: string, coordinate: string, call: CompiledCall): CompiledCall {
    return call.mode === 'unary'
      ? this.#watchUnary(connector, coordinate, call)
      : this.#watchStream(connector, coordinate, call);
  }

  /** The circuit of a connector has changed. */
  broke(connector: string, state: BreakerState): void {
    if (state === 'open') this.#opened.of(connector).value++;
    this.#breakers.set(connector, state);
  }

  /** A call could have been answered from what is kept of a backend. @param outcome `hit`, `stale` or `miss` */
  lookedUp(connector: string, outcome: string): void {
    this.#lookups.of(connector, outcome).value++;
  }

  /** A connector keeps what its backend answers. */
  keeps(connector: string, size: () => CacheSize): void {
    this.#sizes.set(connector, size);
  }

  families(): readonly Family[] {
    const sizes = [...this.#sizes].map(([connector, size]) => ({ labels: { connector }, size: size() }));
    return [
      ...sizesOfCache('hem_backend_cache', sizes),
      histograms(
        { name: 'hem_backend_call_duration_seconds', help: 'How long batches of backend calls took.' },
        this.#calls,
      ),
      counters(
        { name: 'hem_backend_objects_total', help: 'What backends were asked for, element by element.' },
        this.#objects,
      ),
      gauges({ name: 'hem_backend_streams_open', help: 'Streams of events from backends.' }, this.#open),
      counters({ name: 'hem_backend_events_total', help: 'Events that backends sent.' }, this.#events),
      counters(
        {
          name: 'hem_backend_cache_lookups_total',
          help: 'Calls that could have been answered from what is kept of a backend.',
        },
        this.#lookups,
      ),
      counters(
        { name: 'hem_breaker_opened_total', help: 'How often the circuit of a connector opened.' },
        this.#opened,
      ),
      {
        name: 'hem_breaker_state',
        help: '1 for the state that the circuit of a connector is in.',
        type: 'gauge',
        values: [...this.#breakers].map(([connector, state]) => ({ labels: { connector, state }, value: 1 })),
      },
    ];
  }

  #watchUnary(connector: string, coordinate: string, call: UnaryCall): UnaryCall {
    const fine = this.#calls.of(connector, coordinate, FINE);
    const fineObjects = this.#objects.of(connector, coordinate, FINE);
    const ended: UnaryCall['ended'] = (outcomes, startedAt, context) => {
      const ms = performance.now() - startedAt;
      let code: string | undefined;
      for (const outcome of outcomes) {
        if (outcome instanceof Error) {
          const own = codeOf(outcome, context);
          code ??= own;
          this.#objects.of(connector, coordinate, own).value++;
        } else fineObjects.value++;
      }
      (code === undefined ? fine : this.#calls.of(connector, coordinate, code)).observe(ms);
    };
    return { ...call, ended };
  }

  #watchStream(connector: string, coordinate: string, call: StreamCall): StreamCall {
    const open = this.#open.of(connector, coordinate);
    const events = this.#events.of(connector, coordinate);
    return {
      mode: 'stream',
      async *open(values, context) {
        open.value++;
        try {
          for await (const event of call.open(values, context)) {
            events.value++;
            yield event;
          }
        } finally {
          open.value--;
        }
      },
    };
  }
}

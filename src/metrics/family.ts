/** What Prometheus reads of one metric. */
import type { CacheSize } from '../bounded-cache.ts';
import type { Series } from './bounded-labels.ts';
import { BOUNDS_SECONDS, type Counter, type Histogram } from './histogram.ts';

export interface Sample {
  /** Where it is not the family's own. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface Family {
  /** Of counters with `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

type Named = Pick<Family, 'name' | 'help'>;

export function counters(named: Named, series: Series<Counter>): Family {
  return { ...named, type: 'counter', values: samples(series) };
}

export function gauges(named: Named, series: Series<Counter>): Family {
  return { ...named, type: 'gauge', values: samples(series) };
}

/** How full caches are. */
export function sizesOfCache(
  name: string,
  caches: ReadonlyArray<{ readonly labels: Sample['labels']; readonly size: CacheSize }>,
): readonly Family[] {
  const of = (pick: (size: CacheSize) => number) =>
    caches.map(({ labels, size }) => ({ labels, value: pick(size) }));
  return [
    {
      name: `${name}_bytes`,
      help: 'What is kept, in bytes.',
      type: 'gauge',
      values: of(({ bytes }) => bytes),
    },
    {
      name: `${name}_entries`,
      help: 'What is kept, in entries.',
      type: 'gauge',
      values: of(({ entries }) => entries),
    },
    {
      name: `${name}_evicted_total`,
      help: 'What was kept and had to make room.',
      type: 'counter',
      values: of(({ evicted }) => evicted),
    },
  ];
}

export function histograms(named: Named, series: Series<Histogram>): Family {
  const values: Sample[] = [];
  for (const [labels, { counts, sumMs }] of series) {
    // A set of labels of which there was none yet says nothing, in sixteen lines.
    if (counts.every((of) => of === 0)) continue;
    let count = 0;
    for (const [index, of] of counts.entries()) {
      count += of;
      const le = BOUNDS_SECONDS[index] ?? '+Inf';
      values.push({ metricName: `${named.name}_bucket`, labels: { ...labels, le }, value: count });
    }
    values.push({ metricName: `${named.name}_sum`, labels, value: sumMs / 1000 });
    values.push({ metricName: `${named.name}_count`, labels, value: count });
  }
  return { ...named, type: 'histogram', values };
}

function samples(series: Series<Counter>): readonly Sample[] {
  return [...series].map(([labels, { value }]) => ({ labels, value }));
}

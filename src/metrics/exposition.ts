/** All metrics as text, in the format that whoever scrapes asks for. The library is loaded for the first who asks. */
import type { Registry } from '@prometheus-io/client';
import type { Family } from './family.ts';

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

type Library = typeof import('@prometheus-io/client');

/** 2 ** 63 nanoseconds, in seconds, and somewhat less. */
const UNMEASURED = 9e9;

/** Of the process: memory, collections of garbage, the delay of the event loop. There is one process, so there is one of it. */
let ofProcess: Promise<{ readonly library: Library; readonly registry: Registry }> | undefined;

async function openProcessMetrics() {
  const { default: library } = (await import('@prometheus-io/client')) as unknown as { default: Library };
  const registry = new library.Registry();
  library.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
  return { library, registry };
}

/** @param accept what the scraper takes: OpenMetrics where it says so, else the older text format */
export async function expose(families: readonly Family[], accept: string | undefined): Promise<Exposition> {
  ofProcess ??= openProcessMetrics();
  const { library, registry } = await ofProcess;
  const { Registry } = library;
  const isOpen = /application\/openmetrics-text/i.test(accept ?? '');
  const all = new Registry(isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE);
  const process = (await registry.getMetricsAsJSON()) as unknown as readonly Family[];
  // Before anything was measured, the library says the largest number that there is.
  const isMeasured = ({ name, values }: Family) =>
    !name.startsWith('nodejs_eventloop_lag') || values.every(({ value }) => value < UNMEASURED);
  for (const family of [...families, ...process.filter(isMeasured)]) {
    // The library takes "_total" from the names of counters where OpenMetrics adds it again.
    const metric = { ...family, get: async () => ({ ...family, name: metric.name }) };
    all.registerMetric(metric as never);
  }
  return { contentType: all.contentType, text: await all.metrics() };
}

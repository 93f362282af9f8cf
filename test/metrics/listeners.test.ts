/** What others tell the metrics: limits, caches, breakers; and what the page says of metrics. */
import { readFileSync } from 'node:fs';
import { buildSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import type { KnownKey } from '../../src/consumers/known-key.ts';
import { metricsSettings } from '../../src/load/settings/metrics-settings.ts';
import { expose } from '../../src/metrics/exposition.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { Tally } from '../../src/metrics/operation-use.ts';
import { answeringThrough } from '../../src/operation/policy.ts';
import { counting } from '../../src/operation/watch/counting.ts';
import { ANONYMOUS } from '../../src/principal/principal.ts';
import type { View } from '../../src/views/view.ts';
import { Scraped } from './library.ts';

const scrape = async (metrics: Metrics) => new Scraped((await expose(metrics.families(), undefined)).text);

it('decisions of limits, caches and breakers are series', async () => {
  const metrics = new Metrics(metricsSettings.parse({}));
  const limitOf = (scope: string) => ({ name: 'per-minute', scope, rule: { name: `${scope}:per-minute` } });
  metrics.limited(limitOf('plan:free'), 'admitted');
  metrics.limited(limitOf('plan:free'), 'admitted');
  metrics.limited(limitOf('plan:free'), 'refused');
  metrics.limited(limitOf('plan:partner'), 'admitted');
  metrics.cached('web', 'hit');
  metrics.backends.broke('stations', 'open');
  metrics.backends.broke('stations', 'half-open');
  const scraped = await scrape(metrics);
  expect(scraped.all('hem_limit_decisions_total')).toEqual({
    'limit="per-minute",of="plan:free",outcome="admitted"': 2,
    'limit="per-minute",of="plan:free",outcome="refused"': 1,
    'limit="per-minute",of="plan:partner",outcome="admitted"': 1,
  });
  expect(scraped.all('hem_cache_lookups_total')).toEqual({
    'cache="response",client="web",outcome="hit"': 1,
  });
  expect(scraped.all('hem_breaker_state')).toEqual({ 'connector="stations",state="half-open"': 1 });
});

it('the page has every metric, and no other', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/`(hem_[a-z_]+)`/g)].map(([, name]) => name!);
  const families = new Metrics(metricsSettings.parse({})).families().map(({ name }) => name);
  expect([...new Set(told)].sort()).toEqual([...families].sort());
});

describe('consumers', () => {
  const view = {
    client: { name: 'web', operations: [] },
    schema: buildSchema('type Query { a: Int  b: Int }'),
  } as unknown as View;
  const operation = (text: string) => ({
    kind: 'query' as const,
    document: parse(text),
    operationName: undefined,
    variables: {},
  });

  function requestOf(consumer: string | undefined) {
    const key = consumer === undefined ? undefined : ({ consumer } as KnownKey);
    const principal = { ...ANONYMOUS, key };
    return { requestId: 'id', headers: {}, left: new Cancellation(), principal };
  }

  it('are told apart where usage is kept, and not in Prometheus', async () => {
    const told: string[] = [];
    const metrics = new Metrics(metricsSettings.parse({}), {
      used: (client, { consumer, count, use }: Tally) =>
        told.push(`${consumer} ${client} ${use.used.fields.join()} ${count}`),
      failed: (client, consumer, coordinate) => told.push(`${consumer} ${client} ${coordinate} failed`),
    });
    const policy = counting(view, metrics)!;
    const answer = answeringThrough([policy], async () => ({
      result: {
        data: { a: null },
        errors: [{ message: 'x', extensions: { code: 'UPSTREAM_FAILED', coordinate: 'Query.a' } }],
      },
    }));
    const [first, second] = [operation('{ a }'), operation('{ a b }')];
    for (const consumer of ['acme', 'acme', undefined, 'other', 'acme'])
      await answer(first, requestOf(consumer));
    await answer(second, requestOf('acme'));
    metrics.read();
    expect(told.filter((line) => line.endsWith('failed'))).toHaveLength(6);
    expect(told.filter((line) => !line.endsWith('failed')).sort()).toEqual([
      '- web Query.a 1',
      'acme web Query.a 3',
      'acme web Query.a,Query.b 1',
      'other web Query.a 1',
    ]);
    told.length = 0;
    await answer(first, requestOf('acme'));
    metrics.read();
    expect(told).toContain('acme web Query.a 1');
    const { text } = await scrape(metrics);
    expect(text).not.toContain('acme');
    expect(text).toContain('hem_field_used_total{client="web",coordinate="Query.a"} 7');
  });

  it('of any number are counted, and none of them is kept once it was read', async () => {
    let consumers = 0;
    const metrics = new Metrics(metricsSettings.parse({}), { used: () => consumers++, failed: () => {} });
    const answer = answeringThrough([counting(view, metrics)!], async () => ({ result: { data: {} } }));
    const asked = operation('{ a }');
    for (let index = 0; index < 5000; index++) await answer(asked, requestOf(`c${index}`));
    // Before anybody asked: what waits to be read is bounded.
    expect(consumers).toBeGreaterThan(4700);
    metrics.read();
    expect(consumers).toBe(5000);
  });
});

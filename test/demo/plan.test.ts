/** What the bike-share's operations take, over all six kinds of backends: the plan is the one that `hem explain` shows, and every call is counted. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventReader } from '../doors/event-reader.ts';
import { runCommand } from '../support/command.ts';
import type { GraphQLBody } from '../support/gateway.ts';
import { type BikeShare, operation, startBikeShare } from './bike-share.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare(true);
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

interface Step {
  readonly id: string;
  readonly kind: string;
  readonly connector: string;
  readonly after: readonly string[];
  readonly ahead: boolean;
  readonly group: string | null;
  readonly objectsPerCall: number | null;
  readonly steps: readonly Step[];
}

interface TimedStep {
  readonly id: string;
  readonly startMs: number;
  readonly answeredMs: number;
  readonly endMs: number;
  readonly objects: number;
  readonly calls: number;
}

interface Plan {
  readonly steps: readonly Step[];
  readonly timeline: { readonly steps: readonly TimedStep[] };
  readonly waterfall: readonly string[];
}

const planOf = ({ extensions }: GraphQLBody) => extensions!.plan as Plan;

/** Steps with the id of the step above. */
function flat(steps: readonly Step[], above?: string): ReadonlyArray<Step & { readonly above?: string }> {
  return steps.flatMap((step) => [{ ...step, above }, ...flat(step.steps, step.id)]);
}

it('the showcase is executed as hem explain says, each step after what it waits for', async () => {
  const { body } = await bikeShare.gateway.query('web', await operation('web', 'showcase'), {
    headers: { 'hem-plan': '1' },
  });
  expect(body.errors).toBeUndefined();
  const { waterfall, timeline, ...plan } = planOf(body);
  const { output } = await runCommand(
    [process.execPath, 'src/main.ts', 'explain', 'web', 'Showcase', '--format', 'json'],
    { env: { PATH: process.env.PATH }, deadlineMs: 30_000 },
  );
  // What plans of keys grant is for who writes them.
  const { plans, ...explained } = JSON.parse(output);
  expect(plan).toEqual(explained);

  const timed = new Map(timeline.steps.map((step) => [step.id, step]));
  const planned = flat(plan.steps);
  expect([...timed.keys()].sort()).toEqual(planned.map(({ id }) => id).sort());
  for (const { id, above, after, ahead } of planned) {
    const { startMs, endMs } = timed.get(id)!;
    for (const earlier of after) expect(startMs, id).toBeGreaterThanOrEqual(timed.get(earlier)!.endMs);
    if (above === undefined) continue;
    if (ahead) expect(startMs, id).toBeLessThan(timed.get(above)!.answeredMs);
    else expect(startMs, id).toBeGreaterThanOrEqual(timed.get(above)!.answeredMs);
    expect(endMs, id).toBeLessThanOrEqual(timed.get(above)!.endMs);
  }
  for (const { id, kind, objectsPerCall, group } of planned) {
    const { calls, objects } = timed.get(id)!;
    if (kind === 'objects') expect(calls, id).toBe(0);
    else if (group === null) expect(calls, id).toBe(Math.ceil(objects / objectsPerCall!));
  }
  const called = planned.filter(({ id }) => timed.get(id)!.calls > 0).map(({ connector }) => connector);
  expect([...new Set(called)].sort()).toEqual(['billing', 'docks', 'fleet', 'riders', 'rides', 'stations']);
  expect(waterfall).toHaveLength(3 + 4 + planned.filter(({ kind }) => kind !== 'objects').length);
}, 60_000);

it('each event of a subscription has a time line of its own', async () => {
  const left = new AbortController();
  const response = await bikeShare.gateway.fetch('/web/graphql', {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'hem-plan': '1' },
    body: JSON.stringify({
      query: await operation('web', 'live-map'),
      variables: { city: 'LINDHAVEN' },
    }),
    signal: left.signal,
  });
  const events = new EventReader(response);
  for (let event = 0; event < 2; event++) {
    const { data } = (await events.next())!;
    const { steps, timeline } = planOf(data!);
    const { __typename } = data!.data.rideEvents;
    expect(steps).toMatchObject([{ id: '1', kind: 'stream', connector: 'rides' }]);
    // Of the types that an event may have only its own is fetched for.
    const ids = timeline.steps.filter(({ calls }) => calls > 0).map(({ id }) => id);
    expect(ids).toEqual([`1.${__typename}.1.1.1`, `1.${__typename}.1.2.1`]);
    expect(timeline.steps[0]!.startMs).toBeLessThan(1000);
  }
  left.abort();
}, 60_000);

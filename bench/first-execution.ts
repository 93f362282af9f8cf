/** How long an operation takes that the gateway has never seen: parsed, validated, planned, compiled and executed. */
import { randomBytes } from 'node:crypto';
import { ask } from './load.ts';
import { median, quantile, rounded } from './measure.ts';
import { openContender } from './open-contender.ts';
import { Child } from './processes/child.ts';
import type { Addresses, ContenderName } from './workload.ts';

export interface FirstExecution {
  readonly name: ContenderName;
  /** Never seen. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Seen before, in the same process and one at a time, too. */
  readonly knownP50Ms: number;
}

const WORKLOAD = 'two-rest-calls';
const FIELDS = ['id', 'name', 'capacity', 'openedOn', 'bikesAvailable', 'electricBikesAvailable'];

export async function measureFirstExecution(operations: number): Promise<readonly FirstExecution[]> {
  await using backends = new Child('backends', {
    entry: new URL('./processes/backends.ts', import.meta.url).pathname,
    args: [WORKLOAD],
  });
  const { addresses } = await backends.ready<{ addresses: Addresses }>();
  const found: FirstExecution[] = [];
  for (const name of ['yoga', 'hem'] as const) {
    await using contender = await openContender(name, WORKLOAD, { addresses, plan: undefined });
    // The first ones pay for the process's own warm-up, which is not what is asked here.
    await timeEach(contender.url, Array.from({ length: operations }, toOperation));
    const unseen = await timeEach(contender.url, Array.from({ length: operations }, toOperation));
    const known = await timeEach(contender.url, new Array(operations).fill(toOperation()));
    found.push({
      name,
      p50Ms: rounded(median(unseen), 3),
      p99Ms: rounded(quantile(unseen, 0.99), 3),
      knownP50Ms: rounded(median(known), 3),
    });
  }
  return found;
}

/** @returns sorted milliseconds */
async function timeEach(url: string, operations: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const query of operations) {
    const body = JSON.stringify({ query, variables: { id: 'st-7' } });
    const startedAt = performance.now();
    const { status } = await ask({ url }, body);
    times.push(performance.now() - startedAt);
    if (status !== 200) throw new Error(`${url} answered ${status}`);
  }
  return times.sort((a, b) => a - b);
}

/** A new text each time: names that were never used, fields in any order. */
function toOperation(): string {
  const mark = randomBytes(6).toString('hex');
  const fields = FIELDS.map((field, index) => `a${mark}${index}: ${field}`).sort(() => Math.random() - 0.5);
  return `query Q${mark}($id: ID!) {
  s${mark}: station(id: $id) {
    ${fields.join('\n    ')}
    address { street city }
    ...Where${mark}
  }
}
fragment Where${mark} on Station { location { lat lon } }`;
}

/** The same comparison over the bike-share: six kinds of backends, three clients, read operations; judged by a monolith of its own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATA } from '../../demo/data.ts';
import { type Demo, startDemo } from '../../demo/start.ts';
import { REPOSITORY } from '../demo/bike-share.ts';
import { openBikeShareMonolith } from './bike-share-monolith.ts';
import { DRAWN_ON_THE_BIKE_SHARE, neverDrawn } from './drawn.ts';
import { consult, describeFinding, describeTally, type Oracle } from './oracle.ts';
import { openSubject, type Subject } from './subject.ts';

const CASES = Number(process.env.HEM_ORACLE_CASES ?? 2000);
const SEED = Number(process.env.HEM_ORACLE_SEED ?? Math.floor(Math.random() * 1_000_000_000));
const MS_PER_CASE = 500;
const BACKENDS = ['stations', 'fleet', 'billing', 'docks', 'rides', 'riders'] as const;
/** Each waits for what is down, now and then for as long as connecting may take. */
const CASES_DOWN = Math.min(200, CASES);
const RECOVERY_MS = 30_000;

let demo: Demo;
let subject: Subject;

beforeAll(async () => {
  const ports = { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0, identity: 0 };
  demo = await startDemo({ ports, amqpUrl: false });
  subject = await openSubject(REPOSITORY, demo.env);
});
afterAll(async () => {
  await subject?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
});

function bikeShareOracle(): Oracle {
  const idsOf = (list: ReadonlyArray<{ readonly id: string }>) => list.slice(0, 4).map(({ id }) => id);
  const { stations, bikes, rides, riders, invoices } = DATA;
  return {
    subject,
    pool: {
      ids: [stations, bikes, rides, riders, invoices].flatMap(idsOf).concat('nobody'),
      texts: ['a', 'o', 'station'],
    },
    limits: { depth: 3, fields: 20, rootFields: 3 },
    views: ['web', 'web', 'mobile', 'iot'],
    operations: ['query'],
    faults: [0],
    claims: [{}],
    atOnce: 3,
    patient: true,
  };
}

test(`${CASES} random operations from seed ${SEED}`, { timeout: 30_000 + CASES * MS_PER_CASE }, async () => {
  const oracle = { ...bikeShareOracle(), witness: openBikeShareMonolith(subject) };
  const tally = await consult(oracle, { seed: SEED, cases: CASES });
  console.log(describeTally(tally, SEED));
  expect(tally.findings.map(describeFinding).join('\n\n')).toBe('');
  expect(neverDrawn(tally, DRAWN_ON_THE_BIKE_SHARE)).toEqual([]);
  expect(tally.notCompiled / tally.cases).toBeLessThan(0.02);
});

/** Asks each backend for something. */
const EVERYTHING =
  'query { station(id: "st-01") { name bikesAvailable freeDocks } ride(id: "rn-5001") { id } rider(id: "rd-01") { name } invoice(id: "in-202605-01") { id } }';

describe('while a backend is down', () => {
  test.each(BACKENDS)('%s', { timeout: 120_000 }, async (name) => {
    const everything = { view: 'web', document: EVERYTHING, variables: {} };
    const failures = async () => (await subject.answer('compiled', everything))[0]?.errors?.length ?? 0;
    await demo.backends[name].stop();
    try {
      await expect.poll(failures, { timeout: RECOVERY_MS }).toBeGreaterThan(0);
      const tally = await consult({ ...bikeShareOracle(), outage: name }, { seed: SEED, cases: CASES_DOWN });
      expect(tally.findings.map(describeFinding).join('\n\n')).toBe('');
      expect(tally.withErrors).toBeGreaterThan(0);
    } finally {
      await demo.backends[name].start();
    }
    await expect.poll(failures, { timeout: RECOVERY_MS, interval: 200 }).toBe(0);
  });
});

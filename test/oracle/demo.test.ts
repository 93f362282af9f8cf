/** The same comparison over the bike-share: six kinds of backends, three clients, read operations; judged by a monolith of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATA } from '../../demo/data.ts';
import { type Demo, startDemo } from '../../demo/start.ts';
import { REPOSITORY } from '../demo/bike-share.ts';
import { openBikeShareMonolith } from './bike-share-monolith.ts';
import { DRAWN_ON_THE_BIKE_SHARE, neverDrawn } from './drawn.ts';
import { consult, describeFinding, describeTally } from './oracle.ts';
import { openSubject, type Subject } from './subject.ts';

const CASES = Number(process.env.HEM_ORACLE_CASES ?? 2000);
const SEED = Number(process.env.HEM_ORACLE_SEED ?? Math.floor(Math.random() * 1_000_000_000));
const MS_PER_CASE = 500;

let demo: Demo;
let subject: Subject;

beforeAll(async () => {
  const ports = { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0 };
  demo = await startDemo({ ports, amqpUrl: false });
  subject = await openSubject(REPOSITORY, demo.env);
});
afterAll(async () => {
  await subject?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
});

test(`${CASES} random operations on the bike-share`, { timeout: 30_000 + CASES * MS_PER_CASE }, async () => {
  const idsOf = (list: ReadonlyArray<{ readonly id: string }>) => list.slice(0, 4).map(({ id }) => id);
  const { stations, bikes, rides, riders, invoices } = DATA;
  const oracle = {
    subject,
    pool: {
      ids: [stations, bikes, rides, riders, invoices].flatMap(idsOf).concat('nobody'),
      texts: ['a', 'o', 'station'],
    },
    limits: { depth: 3, fields: 20, rootFields: 3 },
    views: ['web', 'web', 'mobile', 'iot'],
    operations: ['query'] as const,
    faults: [0],
    claims: [{}],
    atOnce: 3,
    patient: true,
    witness: openBikeShareMonolith(subject),
  };
  const tally = await consult(oracle, { seed: SEED, cases: CASES });
  console.log(describeTally(tally, SEED));
  expect(tally.findings.map(describeFinding).join('\n\n')).toBe('');
  expect(neverDrawn(tally, DRAWN_ON_THE_BIKE_SHARE)).toEqual([]);
  expect(tally.notCompiled / tally.cases).toBeLessThan(0.02);
});

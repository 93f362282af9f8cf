/** The oracles' own test. All mutations with `HEM_ORACLE_MUTATIONS=all`, else a sample: each takes seconds. */
import { expect, test } from 'vitest';
import { hash } from './faults.ts';
import { MUTATIONS, mutate, tryMutation } from './mutations.ts';

const SEED = Number(process.env.HEM_ORACLE_SEED ?? Math.floor(Math.random() * 1_000_000_000));
const CASES = 2000;
const SAMPLE = 3;
const chosen =
  process.env.HEM_ORACLE_MUTATIONS === 'all'
    ? MUTATIONS
    : MUTATIONS.toSorted((a, b) => hash(`${SEED} ${a.name}`) - hash(`${SEED} ${b.name}`)).slice(0, SAMPLE);

test.each(MUTATIONS)('$name: the mistake has its place in $file', async (mutation) => {
  expect(await mutate(mutation)).not.toBe('');
});

test.each(chosen.map((mutation) => [mutation.name, mutation] as const))(
  'the oracles notice when %s',
  { timeout: 300_000 },
  async (_name, mutation) => {
    const { caught, said } = await tryMutation(mutation, SEED, CASES);
    expect(caught, `seed ${SEED}: ${said}`).toBe(true);
  },
);

/** Run inside a mutated copy: exits with 0 when the oracles notice, with 1 when they do not. */
import { openMonolith } from './monolith.ts';
import { openNasty } from './nasty.ts';
import { nastyOracle } from './nasty-oracle.ts';
import { consult } from './oracle.ts';

const [seed = '1', cases = '2000'] = process.argv.slice(2);
const subject = await openNasty();
const oracle = { ...nastyOracle(subject), witness: openMonolith(subject) };
try {
  const tally = await consult(oracle, {
    seed: Number(seed),
    cases: Number(cases),
    shrinks: false,
    counts: false,
  });
  console.log(`after ${tally.cases} cases: ${tally.findings[0]?.difference ?? 'nothing'}`);
  process.exitCode = tally.findings.length > 0 ? 0 : 1;
} catch (error) {
  console.log(`thrown: ${String(error).split('\n')[0]}`);
}
await subject[Symbol.asyncDispose]();

/** Draws cases, runs them on both engines, and shrinks what differs. */
import type { FormattedExecutionResult } from 'graphql';
import { differenceOf } from './compare.ts';
import { DRAWN_FAULTS, hash } from './faults.ts';
import { featuresOf, featuresOfAnswers } from './features.ts';
import { generate, type Limits } from './operations.ts';
import { Random } from './random.ts';
import { shrink } from './shrink.ts';
import type { Case, Subject } from './subject.ts';
import type { ValuePool } from './values.ts';
import type { Witness } from './witness.ts';

export interface Oracle {
  readonly subject: Subject;
  readonly pool: ValuePool;
  readonly limits: Limits;
  /** By weight. */
  readonly views: readonly string[];
  readonly operations: ReadonlyArray<'query' | 'mutation' | 'subscription'>;
  /** Permille of faults to draw from. */
  readonly faults: readonly number[];
  readonly claims: ReadonlyArray<Readonly<Record<string, unknown>>>;
  /** How many cases run at the same time; 8 by default. */
  readonly atOnce?: number;
  /** Backends may be too slow for the load: what differs after a timeout is counted as that, not as a finding. */
  readonly patient?: boolean;
  /** The connector whose backend is down: whether that is noticed at once or by the clock is chance, and all the same here. */
  readonly outage?: string;
  /** A further witness for what has no faults: what it says against, or undefined. */
  readonly witness?: Witness;
}

export interface Finding {
  readonly case: Case;
  readonly difference: string;
}

export interface Tally {
  readonly cases: number;
  readonly findings: readonly Finding[];
  readonly features: ReadonlyMap<string, number>;
  readonly notCompiled: number;
  readonly withErrors: number;
  readonly witnessed: number;
  readonly timedOut: number;
}

const AT_ONCE = 8;

export function drawCase(
  oracle: Oracle,
  seed: number,
): { readonly one: Case; readonly features: ReadonlySet<string> } {
  const random = new Random(hash(`case ${seed}`));
  const { subject, pool, limits } = oracle;
  const kind = random.pick(oracle.operations);
  const able = oracle.views.filter(
    (name) => subject.views.get(name)!.schema.getRootType(kind as never) !== undefined,
  );
  const view = random.pick(able);
  const { document, variables, features } = generate(subject.views.get(view)!.schema, kind, {
    random,
    pool,
    limits,
  });
  const permille = random.pick(oracle.faults);
  const claims = random.pick(oracle.claims);
  const one: Case = {
    view,
    document,
    variables,
    ...(permille === 0 ? {} : { faults: `${seed}:${permille}` }),
    ...(Object.keys(claims).length === 0 ? {} : { claims }),
    ...(random.chance(0.4) ? { again: otherwise(variables), againAs: random.pick(oracle.claims) } : {}),
  };
  const drawn = [`view ${view}`, permille === 0 ? 'no faults' : `faults ${permille} ‰`];
  if (one.again !== undefined) drawn.push('a document with other variables');
  return { one, features: new Set([...features, ...drawn]) };
}

/** Other values of the same variables: the same plan, or another of the same document. */
function otherwise(variables: Case['variables']): Case['variables'] {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      typeof value === 'boolean' ? !value : typeof value === 'number' ? value + 1 : value,
    ]),
  );
}

/** What differs between the engines, or from the witness. */
export async function judge(oracle: Judging, one: Case): Promise<Verdict> {
  if (one.again === undefined) return judgeOnce(oracle, one);
  const other = { ...one, variables: one.again, claims: one.againAs ?? one.claims };
  const [first, second] = await Promise.all([judgeOnce(oracle, one), judgeOnce(oracle, other)]);
  return {
    ...second,
    difference: first.difference ?? second.difference,
    hasErrors: first.hasErrors || second.hasErrors,
    timedOut: first.timedOut || second.timedOut,
    witnessed: first.witnessed,
    features: new Set([...first.features, ...second.features]),
  };
}

type Judging = Pick<Oracle, 'subject' | 'witness' | 'outage'>;

async function judgeOnce(oracle: Judging, one: Case): Promise<Verdict> {
  const answer = async (engine: 'compiled' | 'reference') => {
    const answers = await oracle.subject.answer(engine, one);
    return oracle.outage === undefined ? answers : withoutClocks(answers);
  };
  const [compiled, reference] = await Promise.all([answer('compiled'), answer('reference')]);
  let difference = differenceOf(compiled, reference);
  const witnessed = difference === undefined && oracle.witness !== undefined && one.faults === undefined;
  if (witnessed) {
    const data = compiled.map((result) => result.data);
    difference = await oracle.witness(one, data);
  }
  return {
    difference,
    hasErrors: reference.some(({ errors }) => errors !== undefined),
    timedOut: [...compiled, ...reference].some((one) => hasTimedOut(one, oracle.outage)),
    witnessed,
    features: featuresOfAnswers(reference),
  };
}

const CLOCKS: ReadonlySet<unknown> = new Set(['UPSTREAM_TIMEOUT', 'UPSTREAM_UNAVAILABLE']);

/** Whether a backend was too slow that is not down. */
function hasTimedOut(
  { errors = [], extensions }: FormattedExecutionResult,
  down: string | undefined,
): boolean {
  const traces = (extensions?.fallbacks ?? []) as ReadonlyArray<Record<string, unknown>>;
  const failures = [...errors.map((error) => error.extensions ?? {}), ...traces];
  return failures.some(({ code, connector }) => CLOCKS.has(code) && connector !== down);
}

function withoutClocks(answers: readonly FormattedExecutionResult[]): readonly FormattedExecutionResult[] {
  return JSON.parse(JSON.stringify(answers).replaceAll('"UPSTREAM_TIMEOUT"', '"UPSTREAM_UNAVAILABLE"'));
}

export interface Verdict {
  readonly difference: string | undefined;
  readonly hasErrors: boolean;
  readonly timedOut: boolean;
  readonly witnessed: boolean;
  /** Of the answers. */
  readonly features: ReadonlySet<string>;
}

export interface Extent {
  readonly seed: number;
  readonly cases: number;
  /** So many findings are enough. */
  readonly stopAfter?: number;
  /** Whether findings are made small. */
  readonly shrinks?: boolean;
  /** Whether plans and answers are looked into for what was drawn. */
  readonly counts?: boolean;
}

export async function consult(
  oracle: Oracle,
  { seed, cases, stopAfter = 1, shrinks = true, counts = true }: Extent,
): Promise<Tally> {
  const features = new Map<string, number>();
  const findings: Finding[] = [];
  let [next, done, withErrors, witnessed, timedOut] = [0, 0, 0, 0, 0];
  const before = oracle.subject.notCompiled();
  DRAWN_FAULTS.clear();
  const work = async () => {
    while (next < cases && findings.length < stopAfter) {
      const { one, features: found } = drawCase(oracle, seed + next++);
      const verdict = await judge(oracle, one).catch(thrown);
      done++;
      const inside = counts ? [...featuresOf(oracle.subject, one), ...verdict.features] : [];
      for (const feature of new Set([...found, ...inside]))
        features.set(feature, (features.get(feature) ?? 0) + 1);
      if (verdict.hasErrors) withErrors++;
      if (verdict.witnessed) witnessed++;
      if (oracle.patient === true && verdict.timedOut) timedOut++;
      else if (verdict.difference !== undefined && findings.length < stopAfter)
        findings.push({ case: one, difference: verdict.difference });
    }
  };
  await Promise.all(Array.from({ length: oracle.atOnce ?? AT_ONCE }, work));
  const notCompiled = oracle.subject.notCompiled() - before;
  for (const [fault, count] of DRAWN_FAULTS) features.set(fault, count);
  const small: Finding[] = [];
  for (const finding of findings) small.push(shrinks ? await shrunk(oracle, finding) : finding);
  return { cases: done, findings: small, features, notCompiled, withErrors, witnessed, timedOut };
}

/** What should never happen is a finding, too, with the case that made it happen. */
function thrown(error: unknown): Verdict {
  const difference = `thrown: ${error instanceof Error ? error.stack : String(error)}`;
  return { difference, hasErrors: true, timedOut: false, witnessed: false, features: new Set() };
}

async function shrunk(oracle: Oracle, finding: Finding): Promise<Finding> {
  const { schema } = oracle.subject.views.get(finding.case.view)!;
  const small = await shrink(
    schema,
    finding.case,
    async (one) => (await judge(oracle, one).catch(thrown)).difference !== undefined,
  );
  const { difference } = await judge(oracle, small).catch(thrown);
  return difference === undefined ? finding : { case: small, difference };
}

/** Everything that is needed to repeat a finding. */
export function describeFinding({ case: one, difference }: Finding): string {
  const { document, ...rest } = one;
  return `${difference}\n${document}\n${JSON.stringify(rest)}`;
}

export function describeTally(tally: Tally, seed: number): string {
  const { cases, features, notCompiled, withErrors, witnessed, timedOut } = tally;
  const counts = [...features]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`);
  return [
    `oracle: seed ${seed}, ${cases} cases, ${withErrors} with errors, ${witnessed} judged by a witness, ${notCompiled} not compiled, ${timedOut} timed out`,
    `  ${counts.join(' · ')}`,
  ].join('\n');
}

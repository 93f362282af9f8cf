/**
 * Measures the contenders of one workload. All run at once, each in its own process, and take turns in rounds: what the machine does
 * beside us hits all of them. Figures are medians over the rounds, ratios are taken within a round.
 */

import { ask, runLoad } from './load.ts';
import { openContender } from './open-contender.ts';
import { Child } from './processes/child.ts';
import {
  type Addresses,
  type ContenderName,
  DISTINCT,
  type MeshModule,
  type OperationModule,
  type Variables,
  type WorkloadName,
} from './workload.ts';

export interface MeasureOptions {
  readonly rounds: number;
  readonly roundMs: number;
  /** At most. */
  readonly warmUpMs: number;
  readonly connections: number;
  /** Also with variables that differ by request. */
  readonly varied: boolean;
  /** Called with what is being done, for people who wait. */
  readonly progress: (text: string) => void;
}

export interface Figures {
  readonly name: ContenderName;
  /** User and system, of the contender's process. */
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
  /** Of the processor time. */
  readonly ratioToByHand: number;
}

export interface WorkloadReport {
  readonly name: WorkloadName;
  /** Of one answer. */
  readonly answerBytes: number;
  readonly contenders: readonly Figures[];
  /** With variables that differ by request. */
  readonly varied?: readonly Figures[];
  readonly notes: readonly string[];
}

interface Running {
  readonly name: ContenderName;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly child: Child;
  readonly query: string;
  normalise(data: unknown): unknown;
}

const WARM_UP_WINDOW_MS = 250;
/** So many windows without one that is cheaper by more than this share of the cheapest are steady. */
const STEADY_WINDOWS = 6;
const STEADY_SHARE = 0.98;

/** How many different variables are compared before the time is taken. */
const COMPARED = 25;

export async function measureWorkload(
  name: WorkloadName,
  contenders: readonly ContenderName[],
  options: MeasureOptions,
): Promise<WorkloadReport> {
  await using running = new AsyncDisposableStack();
  const operation = (await import(`./workloads/${name}/operation.ts`)) as OperationModule;
  const backends = running.use(
    new Child(`backends of ${name}`, {
      entry: new URL('./processes/backends.ts', import.meta.url).pathname,
      args: [name],
    }),
  );
  const { addresses, note } = await backends.ready<{ addresses: Addresses; note?: string }>();
  const notes = note === undefined ? [] : [note];
  const entered = contenders.filter((contender) => {
    // It is there to be compared with.
    if (contender === 'hem-plain' && operation.compared === undefined) return false;
    const reason = operation.without[contender];
    if (reason !== undefined) notes.push(`${contender}: ${reason}`);
    return reason === undefined;
  });
  options.progress(`${name}: starting ${entered.join(', ')}`);
  const racing = await Promise.all(
    entered.map(async (contender): Promise<Running> => {
      const { url, headers, child } = running.use(
        await openContender(contender, name, { addresses, plan: operation.plan }),
      );
      const mesh =
        contender === 'hive' ? ((await import(`./workloads/${name}/mesh.ts`)) as MeshModule) : undefined;
      const { query } = mesh ?? operation;
      return { name: contender, child, url, headers, query, normalise: mesh?.normalise ?? ((data) => data) };
    }),
  );
  const variables = Array.from({ length: DISTINCT }, (_, index) => operation.variables(index));
  options.progress(`${name}: comparing answers`);
  const answerBytes = await compareAnswers(racing, variables.slice(0, COMPARED));
  const fixed = await sampleRounds(racing, variables.slice(0, 1), name, options);
  const varied = options.varied
    ? await sampleRounds(racing, variables, `${name}, varied`, {
        ...options,
        warmUpMs: options.warmUpMs / 2,
      })
    : undefined;
  for (const samples of [fixed, varied]) {
    const note = samples && compare(samples, operation.compared);
    if (note !== undefined) notes.push(samples === varied ? `${note}, variables differ by request` : note);
  }
  return { name, answerBytes, contenders: toFigures(fixed), varied: varied && toFigures(varied), notes };
}

function toBody({ query }: Running, variables: Variables): string {
  return JSON.stringify({ query, variables });
}

/** All answers have to be the same, with their keys in the same order. @throws with the first two that are not */
async function compareAnswers(racing: readonly Running[], all: readonly Variables[]): Promise<number> {
  let bytes = 0;
  for (const variables of all) {
    let expected: string | undefined;
    for (const contender of racing) {
      const { name } = contender;
      const body = toBody(contender, variables);
      const answer = await ask(contender, body);
      const { data, errors } = JSON.parse(answer.body) as { data?: unknown; errors?: unknown };
      if (answer.status !== 200 || errors !== undefined || data === null || data === undefined)
        throw new Error(`${name} answered ${answer.status}: ${answer.body.slice(0, 1000)}`);
      const text = JSON.stringify(contender.normalise(data));
      expected ??= text;
      bytes ||= Buffer.byteLength(answer.body);
      if (text !== expected) {
        throw new Error(
          `${name} answers ${body} with\n${text.slice(0, 1000)}\nand ${racing[0]!.name} with\n${expected.slice(0, 1000)}`,
        );
      }
    }
  }
  return bytes;
}

interface Sample {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMb: number;
}

/** By contender, one of each round; the first contender is what all others are compared with. */
type Samples = ReadonlyMap<ContenderName, readonly Sample[]>;

async function sampleRounds(
  racing: readonly Running[],
  variables: readonly Variables[],
  title: string,
  options: MeasureOptions,
): Promise<Samples> {
  const { connections } = options;
  const bodiesOf = new Map(racing.map((one) => [one, variables.map((own) => toBody(one, own))]));
  for (const contender of racing) {
    const { name, url, headers, child } = contender;
    options.progress(`${title}: warming ${name} up`);
    const bodies = bodiesOf.get(contender)!;
    const load = { url, headers, bodies, connections, durationMs: WARM_UP_WINDOW_MS };
    await warmUp(child, load, options.warmUpMs);
  }
  const samples = new Map<ContenderName, Sample[]>(racing.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    // Nobody always follows the same neighbour.
    const order = racing.map((_, index) => racing[(index + round) % racing.length]!);
    for (const contender of order) {
      const { name, url, headers, child } = contender;
      const bodies = bodiesOf.get(contender)!;
      options.progress(`${title}: round ${round + 1} of ${options.rounds}, ${name}`);
      samples
        .get(name)!
        .push(await takeSample(child, { url, headers, bodies, connections, durationMs: options.roundMs }));
    }
  }
  return samples;
}

function toFigures(samples: Samples): readonly Figures[] {
  const [base] = samples.values();
  return [...samples].map(([name, own]) => {
    return {
      name,
      cpuUsPerRequest: rounded(median(own.map(({ cpuUs }) => cpuUs)), 1),
      requestsPerSecond: rounded(median(own.map(({ perSecond }) => perSecond)), 0),
      p50Ms: rounded(median(own.map(({ p50Ms }) => p50Ms)), 3),
      p99Ms: rounded(median(own.map(({ p99Ms }) => p99Ms)), 3),
      rssMb: rounded(median(own.map(({ rssMb }) => rssMb)), 1),
      ratioToByHand: rounded(ratio(own, base!), 3),
    };
  });
}

/** Of processor time, taken within each round. */
function ratio(own: readonly Sample[], base: readonly Sample[]): number {
  return median(own.map(({ cpuUs }, round) => cpuUs / base[round]!.cpuUs));
}

function compare(samples: Samples, names: OperationModule['compared']): string | undefined {
  const [own, base] = (names ?? []).map((name) => samples.get(name));
  if (own === undefined || base === undefined) return undefined;
  return `${names![0]}: ${ratio(own, base).toFixed(2)} × the processor time of ${names![1]}`;
}

/** Until requests get no cheaper, or the time is over: what is measured is a server that has been running for a while. */
async function warmUp(child: Child, load: Parameters<typeof runLoad>[0], maxMs: number): Promise<void> {
  const costs: number[] = [];
  for (let spentMs = 0; spentMs < maxMs; spentMs += load.durationMs) {
    const { cpuUs } = await takeSample(child, load);
    const before = costs.slice(-STEADY_WINDOWS);
    costs.push(cpuUs);
    if (before.length === STEADY_WINDOWS && cpuUs > Math.min(...before) * STEADY_SHARE) return;
  }
}

async function takeSample(child: Child, load: Parameters<typeof runLoad>[0]): Promise<Sample> {
  const before = await child.usage();
  const { requests, seconds, latencies } = await runLoad(load);
  const after = await child.usage();
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    perSecond: requests / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    rssMb: after.rssBytes / 1024 ** 2,
  };
}

export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

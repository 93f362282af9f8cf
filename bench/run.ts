/** `npm run bench`: measures Hem beside the BFF one would write by hand, and beside other gateways, on the same backends. */
import { parseArgs } from 'node:util';
import { measureBigConfiguration } from './big-configuration.ts';
import { measureFirstExecution } from './first-execution.ts';
import { type MeasureOptions, measureWorkload, type WorkloadReport } from './measure.ts';
import { installPeers } from './peers.ts';
import { machine, type Report, toTable } from './report.ts';
import { CONTENDERS, type ContenderName, WORKLOADS, type WorkloadName } from './workload.ts';

const USAGE = `Usage: npm run bench -- [options]
  --quick               two-rest-calls and list-join without hive, in less than a minute
  --workload <name>     only this one; may be repeated: ${WORKLOADS.join(', ')}
  --contender <name>    only this one and by-hand; may be repeated: ${CONTENDERS.join(', ')}
  --rounds <n>          how often the contenders take turns (5; quick 4)
  --round-ms <n>        how long each turn lasts (1000; quick 400)
  --warm-up-ms <n>      for how long each is warmed up at most (12000; quick 2500)
  --connections <n>     requests in flight (16)
  --no-varied           not with variables that differ by request (quick: never)
  --json                the report as JSON`;

/** Fewer than the documents that Hem keeps, so that none is pushed out. */
const FIRST_EXECUTIONS = 400;
const BIG = { connectors: 100, fields: 10_000, clients: 20 };

const QUICK: readonly WorkloadName[] = ['two-rest-calls', 'list-join'];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  let { contenders } = options;
  if (contenders.includes('hive') && !(await installPeers())) {
    console.error('Without hive: its packages could not be installed.');
    contenders = contenders.filter((name) => name !== 'hive');
  }
  const workloads: WorkloadReport[] = [];
  let failures = 0;
  for (const workload of options.workloads) {
    try {
      workloads.push(await measureWorkload(workload, contenders, options.measure));
    } catch (error) {
      // What was measured so far, and what can be measured yet, is not lost.
      failures++;
      console.error(`${workload}: ${(error as Error).message}`);
    }
  }
  const { progress } = options.measure;
  let report: Report = { machine: machine(), workloads };
  if (options.whole) {
    progress('first executions');
    const firstExecution = await measureFirstExecution(FIRST_EXECUTIONS);
    progress('a big configuration');
    report = { ...report, firstExecution, configuration: await measureBigConfiguration(BIG) };
  }
  progress('');
  console.log(options.json ? JSON.stringify(report, undefined, 2) : toTable(report));
  return failures === 0 ? 0 : 1;
}

/** @throws when an option is not known or not a number */
function parse(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      workload: { type: 'string', multiple: true },
      contender: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      'round-ms': { type: 'string' },
      'warm-up-ms': { type: 'string' },
      connections: { type: 'string' },
      'no-varied': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const workloads =
    values.workload?.map((name) => oneOf(name, WORKLOADS, 'workload')) ?? (quick ? QUICK : WORKLOADS);
  const chosen = values.contender?.map((name) => oneOf(name, CONTENDERS, 'contender'));
  const contenders = CONTENDERS.filter((name) =>
    chosen === undefined ? !(quick && name === 'hive') : name === 'by-hand' || chosen.includes(name),
  );
  const measure: MeasureOptions = {
    rounds: count(values.rounds, quick ? 4 : 5, 1),
    roundMs: count(values['round-ms'], quick ? 400 : 1000, 1),
    warmUpMs: count(values['warm-up-ms'], quick ? 2500 : 12_000, 0),
    connections: count(values.connections, 16, 1),
    varied: !quick && !values['no-varied'],
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    },
  };
  const whole = !quick && values.workload === undefined && values.contender === undefined;
  return {
    help: values.help,
    whole,
    json: values.json,
    workloads,
    contenders: contenders as readonly ContenderName[],
    measure,
  };
}

function oneOf<T extends string>(given: string, known: readonly T[], what: string): T {
  const found = known.find((name) => name === given);
  if (found === undefined) throw new Error(`No ${what} "${given}": ${known.join(', ')}`);
  return found;
}

function count(given: string | undefined, preset: number, min: number): number {
  const value = given === undefined ? preset : Number(given);
  if (!Number.isInteger(value) || value < min || value > 600_000)
    throw new Error(`"${given}" is no count from ${min}`);
  return value;
}

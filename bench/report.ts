/** The report as a table for people. */
import { cpus } from 'node:os';
import type { ConfigurationReport } from './big-configuration.ts';
import type { FirstExecution } from './first-execution.ts';
import type { Figures, WorkloadReport } from './measure.ts';

export interface Report {
  readonly machine: { readonly node: string; readonly cpu: string; readonly cores: number };
  readonly workloads: readonly WorkloadReport[];
  /** Of operations that were never seen before. */
  readonly firstExecution?: readonly FirstExecution[];
  readonly configuration?: ConfigurationReport;
}

export function machine(): Report['machine'] {
  return { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
}

const COLUMNS: ReadonlyArray<{
  readonly title: string;
  readonly of: (figures: Figures, base: Figures) => string;
}> = [
  { title: 'CPU µs/request', of: ({ cpuUsPerRequest }) => cpuUsPerRequest.toFixed(0) },
  { title: '× by hand', of: ({ ratioToByHand }) => ratioToByHand.toFixed(2) },
  { title: 'requests/s', of: ({ requestsPerSecond }) => requestsPerSecond.toFixed(0) },
  { title: '×', of: (own, base) => (own.requestsPerSecond / base.requestsPerSecond).toFixed(2) },
  { title: 'p50 ms', of: ({ p50Ms }) => p50Ms.toFixed(2) },
  { title: '×', of: (own, base) => (own.p50Ms / base.p50Ms).toFixed(2) },
  { title: 'p99 ms', of: ({ p99Ms }) => p99Ms.toFixed(2) },
  { title: '×', of: (own, base) => (own.p99Ms / base.p99Ms).toFixed(2) },
  { title: 'RSS MB', of: ({ rssMb }) => rssMb.toFixed(0) },
  { title: '×', of: (own, base) => (own.rssMb / base.rssMb).toFixed(2) },
];

/** One block per workload, columns aligned. */
export function toTable(report: Report): string {
  const { node, cpu, cores } = report.machine;
  const { workloads, firstExecution = [], configuration } = report;
  const blocks = workloads.flatMap(({ name, answerBytes, contenders, varied, notes }) => [
    block(`${name} (${answerBytes} bytes)`, contenders),
    ...(varied === undefined ? [] : [block(`${name}, variables differ by request`, varied)]),
    ...notes.map((note) => `  ${note}`),
  ]);
  const first = firstExecution.map(
    ({ name, p50Ms, p99Ms, knownP50Ms }) =>
      `  ${name.padEnd(6)} p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms; known p50 ${knownP50Ms.toFixed(2)} ms`,
  );
  if (first.length > 0) blocks.push(['First execution of an operation, one at a time', ...first].join('\n'));
  if (configuration !== undefined) {
    const { connectors, fields, clients, loadMs, cpuMs, heapMb, rssMb } = configuration;
    blocks.push(
      `Loading ${connectors} connectors, ${fields} fields, ${clients} clients: ${loadMs} ms (${cpuMs} ms of CPU), ${heapMb} MB held, ${rssMb} MB resident`,
    );
  }
  return [`Node ${node}, ${cores} × ${cpu}`, ...blocks].join('\n\n');
}

function block(title: string, figures: readonly Figures[]): string {
  const rows = [
    [title, ...COLUMNS.map((column) => column.title)],
    ...figures.map((own) => [`  ${own.name}`, ...COLUMNS.map(({ of }) => of(own, figures[0]!))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('  '),
    )
    .join('\n');
}

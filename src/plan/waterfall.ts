/** A time line as lines of text, one per phase and step, for `jq`, terminals and GraphiQL, which breaks lines of more than about 65 characters. */
import type { DescribedStep, OperationDescription } from './describe.ts';
import type { TimedStep, Timeline } from './timeline.ts';

const BAR = 18;
const MAX_LABEL = 16;
/** `100-1000` */
const TIMES = 9;

const LEGEND = '· waits to start  █ asks or works  ░ waits for steps below it';

export function waterfall(description: OperationDescription, timeline: Timeline): readonly string[] {
  const steps =
    description.engine === 'compiled'
      ? rowsOf(description.steps, timeline.steps)
      : rowsByStart(timeline.steps);
  const phases = rowsOfPhases(timeline);
  const rows = [
    ...phases.filter(isBefore(steps)),
    ...steps,
    ...phases.filter((row) => !isBefore(steps)(row)),
  ];
  const idWidth = widest(rows.map(({ id }) => id));
  const labelWidth = widest(rows.map(({ label }) => label));
  const lines = rows.map(({ id, label, times, work }) =>
    [
      id.padEnd(idWidth),
      label.padEnd(labelWidth),
      barOf(times, timeline.totalMs),
      rangeOf(times).padEnd(TIMES),
      work,
    ]
      .join(' ')
      .trimEnd(),
  );
  const total = shortMs(timeline.totalMs);
  const head = `${' '.repeat(idWidth + labelWidth + 2)}0${total.padStart(BAR - 1)} ${'ms'.padEnd(TIMES)} calls`;
  return [titleOf(description, timeline), head, ...lines, LEGEND];
}

type Times = Pick<TimedStep, 'readyMs' | 'startMs' | 'answeredMs' | 'endMs'>;

interface Row {
  readonly id: string;
  readonly label: string;
  readonly times: Times;
  readonly work: string;
}

function rowsOfPhases({ phases }: Timeline): readonly Row[] {
  return phases.map(({ phase, startMs, endMs, cached }) => ({
    id: '',
    label: phase,
    times: { readyMs: startMs, startMs, answeredMs: endMs, endMs },
    work: cached ? 'cached' : '',
  }));
}

/** Phases come before the steps or after them. */
function isBefore(steps: readonly Row[]): (phase: Row) => boolean {
  const firstMs = Math.min(...steps.map(({ times }) => times.startMs));
  return ({ times }) => times.startMs <= firstMs;
}

/** In the plan's order, and at the end what was left out of it because it repeats itself. */
function rowsOf(steps: readonly DescribedStep[], all: readonly TimedStep[]): readonly Row[] {
  const timed = new Map(all.map((step) => [step.id, step]));
  const rows = rowsOfPlan(steps, timed);
  return [...rows, ...rowsByStart([...timed.values()].filter(({ calls }) => calls > 0))];
}

/** Steps that only take objects out of answers take no time. */
function rowsOfPlan(steps: readonly DescribedStep[], timed: Map<string, TimedStep>): readonly Row[] {
  return steps.flatMap(({ id, kind, connector, label, group, steps: below }) => {
    const step = timed.get(id);
    timed.delete(id);
    const row =
      step === undefined || kind === 'objects' ? [] : [toRow(step, label, connector, group !== null)];
    return [...row, ...rowsOfPlan(below, timed)];
  });
}

function rowsByStart(steps: readonly TimedStep[]): readonly Row[] {
  return steps.map((step) => toRow(step, step.field, step.connector, false));
}

function toRow(step: TimedStep, label: string, connector: string, isShared: boolean): Row {
  const { id, calls, objects, failed, unfound, endMs } = step;
  const asked =
    calls === 0 && isShared ? 'shared' : objects === 1 ? String(calls) : `${calls} for ${objects}`;
  return {
    id,
    label: shortened(`${connector} ${label}`),
    times: step,
    work: [
      asked,
      ...(failed === 0 ? [] : [`${failed} failed`]),
      ...(unfound === 0 ? [] : ['nothing at select']),
      ...(endMs === null ? ['not ended'] : []),
    ].join(', '),
  };
}

function titleOf({ client, name, engine }: OperationDescription, { totalMs, calls }: Timeline): string {
  const on = engine === 'compiled' ? '' : ' on the reference engine';
  return `${client} · ${name ?? '(without a name)'}${on}: ${shortMs(totalMs)} ms, ${calls} call${calls === 1 ? '' : 's'}`;
}

function barOf({ readyMs, startMs, answeredMs, endMs }: Times, totalMs: number): string {
  const columnOf = (ms: number) => Math.min(BAR, Math.round((ms / totalMs) * BAR));
  const start = Math.min(BAR - 1, columnOf(startMs));
  // However short, it is seen.
  const answered = Math.max(start + 1, columnOf(answeredMs ?? totalMs));
  const end = Math.max(answered, columnOf(endMs ?? totalMs));
  const ready = Math.min(start, columnOf(readyMs));
  return [
    ' '.repeat(ready),
    '·'.repeat(start - ready),
    '█'.repeat(answered - start),
    '░'.repeat(end - answered),
    ' '.repeat(BAR - end),
  ].join('');
}

/** When it asked until when it was answered. */
function rangeOf({ startMs, answeredMs }: Times): string {
  return `${shortMs(startMs)}-${answeredMs === null ? '?' : shortMs(answeredMs)}`;
}

/** Three digits or so. */
function shortMs(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

function shortened(text: string): string {
  return text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}…` : text;
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}

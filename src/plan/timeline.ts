/** A trace in the form that callers read: `extensions.plan.timeline`. */
import type { PhaseName, Trace, TracedStep } from '../execute/trace.ts';

/** Times are milliseconds since the operation began, to the microsecond. Null is what had not happened yet. */
export interface Timeline {
  readonly totalMs: number;
  /** Backend calls. */
  readonly calls: number;
  readonly phases: ReadonlyArray<{
    readonly phase: PhaseName;
    readonly startMs: number;
    readonly endMs: number | null;
    readonly cached: boolean;
  }>;
  /** In the order in which they started. */
  readonly steps: readonly TimedStep[];
}

export interface TimedStep {
  /** As in the plan; by order of their start where there is none. */
  readonly id: string;
  readonly connector: string;
  readonly field: string;
  /** When its objects were there. */
  readonly readyMs: number;
  /** When nothing was left to wait for. */
  readonly startMs: number;
  /** When what it asked for was there. */
  readonly answeredMs: number | null;
  /** When everything below it was there, too. */
  readonly endMs: number | null;
  readonly objects: number;
  readonly calls: number;
  /** Objects that got an error instead. */
  readonly failed: number;
  /** Answers in which `select` found nothing: what it takes is null. */
  readonly unfound: number;
}

export type NamedStep = Pick<TimedStep, 'id' | 'connector' | 'field'>;

/** @param nameOf undefined for what is not shown */
export function toTimeline(
  trace: Trace,
  totalMs: number,
  nameOf: (step: TracedStep, index: number) => NamedStep | undefined,
): Timeline {
  return {
    totalMs: rounded(totalMs),
    calls: trace.steps.reduce((sum, { calls }) => sum + calls, 0),
    phases: trace.phases.map(({ name, startMs, endMs, cached }) => ({
      phase: name,
      startMs: rounded(startMs),
      endMs: roundedOrNull(endMs),
      cached,
    })),
    steps: trace.steps.flatMap((step, index) => {
      const named = nameOf(step, index);
      return named === undefined ? [] : [toTimedStep(step, named)];
    }),
  };
}

function toTimedStep(
  { readyMs, startMs, answeredMs, endMs, objects, calls, failed, unfound }: TracedStep,
  { id, connector, field }: NamedStep,
): TimedStep {
  return {
    id,
    connector,
    field,
    readyMs: rounded(readyMs),
    startMs: rounded(startMs),
    answeredMs: roundedOrNull(answeredMs),
    endMs: roundedOrNull(endMs),
    objects,
    calls,
    failed,
    unfound,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function roundedOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : rounded(ms);
}

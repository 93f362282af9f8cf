/** Steps that note in a trace what they do. */
import type { Trace } from '../execute/trace.ts';
import type { Step } from './plan.ts';

/** The steps of a place whose objects are there now. */
export function watched(steps: readonly Step[], trace: Trace): readonly Step[] {
  const readyMs = trace.ready();
  return steps.map((step) => ({
    ...step,
    run: (cells, run) =>
      trace.step(
        step,
        { objects: cells.length, readyMs },
        () => step.run(cells, run),
        () => cells.filter(({ slots }) => slots[step.slot] instanceof Error).length,
      ),
  }));
}

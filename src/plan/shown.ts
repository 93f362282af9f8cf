/** What callers read of an operation that ran, where a client may ask: its plan, as `hem explain` shows it, and its time line. */
import type { DocumentNode } from 'graphql';
import type { Engine, Operation } from '../execute/engine.ts';
import type { Trace } from '../execute/trace.ts';
import type { ConnectorField } from '../load/model.ts';
import type { View } from '../views/view.ts';
import { type CompileInput, compilePlan } from './compile.ts';
import { chosenReason, describePlan, factsOf, type OperationDescription } from './describe.ts';
import { NotCompiled, type Plan, type Step } from './plan.ts';
import { StepIds } from './step-ids.ts';
import { type Timeline, toTimeline } from './timeline.ts';
import { tryCompile } from './try-compile.ts';
import { waterfall } from './waterfall.ts';

type Shown = {
  /** For people: what follows in a few lines. */
  readonly waterfall: readonly string[];
  readonly timeline: Timeline;
} & OperationDescription;

/** Plans with everything in them that `@skip` and `@include` may leave out. */
export class ShownPlans {
  readonly #input: CompileInput;
  /** Whoever asks often asks for the same. */
  #last:
    | {
        readonly document: DocumentNode;
        readonly operationName: string | undefined;
        readonly plan: Plan | NotCompiled;
      }
    | undefined;

  constructor(input: CompileInput) {
    this.#input = input;
  }

  /** @param ran the plan that runs */
  show({ document, operationName }: Operation, ran: Plan, trace: Trace): Shown {
    // What follows takes time, too, and is not the operation's.
    const totalMs = trace.now();
    const whole = this.#of(document, operationName);
    // A part that does not compile may be left out by the variables.
    const plan = whole instanceof NotCompiled ? ran : whole;
    const ids = new StepIds(plan, ran);
    const timeline = toTimeline(trace, totalMs, (traced) => {
      const id = ids.of(traced);
      const { connector, field } = (traced.what as Step).what;
      return id === undefined ? undefined : { id, connector, field };
    });
    const facts = factsOf(this.#input, document, operationName);
    return withWaterfall({ ...facts, engine: 'compiled', ...describePlan(plan) }, timeline);
  }

  #of(document: DocumentNode, operationName: string | undefined): Plan | NotCompiled {
    const last = this.#last;
    if (last?.document === document && last.operationName === operationName) return last.plan;
    const plan = tryCompile(() => compilePlan(this.#input, document, operationName));
    this.#last = { document, operationName, plan };
    return plan;
  }
}

/** For an operation that runs on the reference engine: what its trace shows, if there is one. */
export function showReference(view: View, operation: Operation, reason: string): void {
  const { trace } = operation;
  if (trace === undefined) return;
  trace.leave();
  trace.show = (own) => describeReference(view, operation, own, reason);
}

/** The reference engine for a client that says so. */
export function chosenReference(reference: Engine, view: View): Engine {
  const reason = chosenReason(view);
  return {
    execute(operation, caller) {
      showReference(view, operation, reason);
      return reference.execute(operation, caller);
    },
    executeIncrementally(operation, caller) {
      showReference(view, operation, reason);
      return reference.executeIncrementally(operation, caller);
    },
    subscribe(operation, caller, inEventTime) {
      showReference(view, operation, reason);
      return reference.subscribe(operation, caller, inEventTime);
    },
  };
}

function describeReference(
  view: View,
  { document, operationName }: Operation,
  trace: Trace,
  reason: string,
): Shown {
  const timeline = toTimeline(trace, trace.now(), ({ what }, index) => {
    const { owner, coordinate } = what as ConnectorField;
    return { id: String(index + 1), connector: owner.connector.name, field: coordinate };
  });
  const facts = factsOf({ view }, document, operationName);
  return withWaterfall({ ...facts, engine: 'reference', reason }, timeline);
}

function withWaterfall(description: OperationDescription, timeline: Timeline): Shown {
  return { waterfall: waterfall(description, timeline), timeline, ...description };
}

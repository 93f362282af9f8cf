/** What callers read of an operation that ran, where a client may ask: its plan, as `hem explain` shows it, and its time line. */
import type { DocumentNode, ExecutionResult } from 'graphql';
import type { Engine, Operation } from '../execute/engine.ts';
import { type Trace, withTrace } from '../execute/trace.ts';
import type { ConnectorField } from '../load/model.ts';
import type { View } from '../views/view.ts';
import { type CompileInput, compilePlan } from './compile.ts';
import { describePlan, factsOf, type OperationDescription } from './describe.ts';
import { NotCompiled, type Plan, type Step } from './plan.ts';
import { stepIds } from './step-ids.ts';
import { type Timeline, toTimeline } from './timeline.ts';
import { waterfall } from './waterfall.ts';

type Shown = {
  /** For people: what follows in a few lines. */
  readonly waterfall: readonly string[];
  readonly timeline: Timeline;
} & OperationDescription;

/** Plans with everything in them that `@skip` and `@include` may leave out, compiled when first asked for. */
export class ShownPlans {
  readonly #input: CompileInput;
  readonly #known = new WeakMap<DocumentNode, Map<string | undefined, Plan | NotCompiled>>();

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
    const ids = stepIds(plan, ran);
    const timeline = toTimeline(trace, totalMs, (what) => {
      const step = what as Step;
      const id = ids.get(step);
      const { connector, field } = step.what;
      return id === undefined ? undefined : { id, connector, field };
    });
    const facts = factsOf(this.#input, document, operationName);
    return withWaterfall({ ...facts, engine: 'compiled', ...describePlan(plan) }, timeline);
  }

  #of(document: DocumentNode, operationName: string | undefined): Plan | NotCompiled {
    const byName = this.#known.get(document) ?? new Map<string | undefined, Plan | NotCompiled>();
    this.#known.set(document, byName);
    let plan = byName.get(operationName);
    if (plan === undefined) {
      plan = this.#compile(document, operationName);
      byName.set(operationName, plan);
    }
    return plan;
  }

  #compile(document: DocumentNode, operationName: string | undefined): Plan | NotCompiled {
    try {
      return compilePlan(this.#input, document, operationName);
    } catch (error) {
      if (error instanceof NotCompiled) return error;
      throw error;
    }
  }
}

/** The reference engine for an operation of which somebody wants to know that it ran there, why, and which calls it made. */
export function shownReference(reference: Engine, view: View, reason: string): Engine {
  return {
    async execute(operation, caller) {
      const { trace } = operation;
      if (trace === undefined) return reference.execute(operation, caller);
      trace.leave();
      trace.show = (own) => showReference(view, operation, own, reason);
      return withTrace(await reference.execute(operation, caller), trace);
    },
    async subscribe(operation, caller) {
      const outcome = await reference.subscribe(operation, caller);
      if (operation.trace === undefined || !(Symbol.asyncIterator in outcome)) return outcome;
      const facts = factsOf({ view }, operation.document, operation.operationName);
      return withPlan(outcome, { ...facts, engine: 'reference', reason });
    },
  };
}

async function* withPlan(
  results: AsyncIterable<ExecutionResult>,
  plan: OperationDescription,
): AsyncGenerator<ExecutionResult, void> {
  for await (const result of results) yield { ...result, extensions: { ...result.extensions, plan } };
}

function showReference(
  view: View,
  { document, operationName }: Operation,
  trace: Trace,
  reason: string,
): Shown {
  const timeline = toTimeline(trace, trace.now(), (what, index) => {
    const { owner, coordinate } = what as ConnectorField;
    return { id: String(index + 1), connector: owner.connector.name, field: coordinate };
  });
  const facts = factsOf({ view }, document, operationName);
  return withWaterfall({ ...facts, engine: 'reference', reason }, timeline);
}

function withWaterfall(description: OperationDescription, timeline: Timeline): Shown {
  return { waterfall: waterfall(description, timeline), timeline, ...description };
}

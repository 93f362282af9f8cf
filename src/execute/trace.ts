/**
 * What one execution did, when, and how often: for callers who ask in development. It holds names, counts and times; nothing that was
 * asked, sent or answered. Where nobody asks there is no trace, and nothing of this runs.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** What happens around the calls. */
export type PhaseName = 'document' | 'variables' | 'plan' | 'projection';

/** Times are milliseconds since the trace began; undefined while it is not over. */
export interface TracedPhase {
  readonly name: PhaseName;
  readonly startMs: number;
  endMs: number | undefined;
  /** Nothing had to be done, because it was done for an earlier request. */
  cached: boolean;
}

export interface TracedStep {
  /** A step of a plan, or the field that is called. */
  readonly what: unknown;
  /** The step whose answer it hangs below. */
  readonly above: TracedStep | undefined;
  /** For how many it is. */
  objects: number;
  /** When they were there. */
  readyMs: number;
  /** When nothing was left to wait for, or it was asked ahead. */
  readonly startMs: number;
  /** When what it asks for was there; what hangs below it comes after that. */
  answeredMs: number | undefined;
  endMs: number | undefined;
  /** Backend calls. */
  calls: number;
  /** Objects that got an error. */
  failed: number;
  /** Answers in which `select` found nothing. */
  unfound: number;
}

/**
 * Which step of whichever trace runs, so that calls find out whose they are without being told. A connection that is opened meanwhile
 * may keep the step as long as it lives: another reason why there is nothing of the request in it.
 */
const running = new AsyncLocalStorage<TracedStep>();

/** What a connector is told to do for each call that leaves. */
export function countCall(): void {
  const step = running.getStore();
  if (step !== undefined) step.calls++;
}

/** What was to be selected is not in an answer: null for callers, and mostly a mistake. */
export function countUnfound(): void {
  const step = running.getStore();
  if (step !== undefined) step.unfound++;
}

export class Trace {
  readonly phases: TracedPhase[] = [];
  readonly steps: TracedStep[] = [];
  /** How the engine that runs shows it; set when it is known which. */
  show: ((trace: Trace) => object) | undefined;
  /** What else is shown of the operation, whichever engine runs. */
  showBesides: (() => object | undefined) | undefined;
  /** Whether it is for the caller; else for nobody but the metrics. */
  readonly isShown: boolean;
  readonly #zero = performance.now();
  #phase: TracedPhase | undefined;
  /** What was asked ahead and has not had its turn. */
  readonly #ahead = new Set<TracedStep>();

  constructor(isShown = true) {
    this.isShown = isShown;
  }

  /** Every event of a subscription is an execution of its own. */
  ofEvent(): Trace {
    const trace = new Trace(this.isShown);
    trace.show = this.show;
    trace.showBesides = this.showBesides;
    return trace;
  }

  now(): number {
    return performance.now() - this.#zero;
  }

  /** The next phase begins; one that is under way ends. */
  enter(name: PhaseName): void {
    this.leave();
    this.#phase = { name, startMs: this.now(), endMs: undefined, cached: false };
    this.phases.push(this.#phase);
  }

  leave(cached = false): void {
    if (this.#phase === undefined) return;
    this.#phase.endMs = this.now();
    this.#phase.cached = cached;
    this.#phase = undefined;
  }

  /** Objects are there for steps; whatever step runs has its answer. @returns when */
  ready(): number {
    const now = this.now();
    const above = running.getStore();
    if (above !== undefined) above.answeredMs ??= now;
    return now;
  }

  /** Runs a batch of calls that is no step of a plan: it comes as it comes. An outcome may be that of several objects. */
  batch(what: unknown, objects: number, run: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
    const countFailed = (outcomes: readonly unknown[]) =>
      (outcomes.filter((outcome) => outcome instanceof Error).length * objects) / outcomes.length;
    return this.step(what, { objects, readyMs: this.now() }, run, countFailed);
  }

  /** Asks before the object is there that a step is for. It may turn out that there is none. */
  async ahead<Outcome>(what: unknown, load: () => Promise<Outcome>): Promise<Outcome> {
    const now = this.now();
    const step = this.#add(what, { objects: 0, readyMs: now });
    this.#ahead.add(step);
    const outcome = await running.run(step, load);
    step.answeredMs = this.now();
    step.endMs ??= step.answeredMs;
    return outcome;
  }

  /** Runs a step. @param failures counts the objects that got an error, once it has ended */
  async step<Outcome>(
    what: unknown,
    found: { readonly objects: number; readonly readyMs: number },
    run: () => Promise<Outcome> | Outcome,
    failures: (outcome: Outcome) => number,
  ): Promise<Outcome> {
    const asked = this.#askedAhead(what, found);
    const step = asked ?? this.#add(what, found);
    const before = asked?.calls;
    const outcome = await running.run(step, run);
    step.endMs = this.now();
    // What was asked ahead may not have been what was wanted.
    const isAskedAgain = before !== undefined && step.calls > before;
    if (step.answeredMs === undefined || isAskedAgain) step.answeredMs = step.endMs;
    step.failed = failures(outcome);
    return outcome;
  }

  #add(what: unknown, found: Pick<TracedStep, 'objects' | 'readyMs'>): TracedStep {
    const step: TracedStep = {
      what,
      above: running.getStore(),
      ...found,
      startMs: this.now(),
      answeredMs: undefined,
      endMs: undefined,
      calls: 0,
      failed: 0,
      unfound: 0,
    };
    this.steps.push(step);
    return step;
  }

  #askedAhead(what: unknown, found: Pick<TracedStep, 'objects' | 'readyMs'>): TracedStep | undefined {
    if (this.#ahead.size === 0) return undefined;
    const above = running.getStore();
    const step = [...this.#ahead].find((one) => one.what === what && one.above === above);
    if (step === undefined) return undefined;
    this.#ahead.delete(step);
    return Object.assign(step, found, { endMs: undefined });
  }
}

/** A result with what its trace shows, for whoever asked. */
export function withTrace<Result extends { readonly extensions?: Readonly<Record<string, unknown>> }>(
  result: Result,
  trace: Trace | undefined,
): Result {
  return trace?.show === undefined || !trace.isShown
    ? result
    : {
        ...result,
        extensions: { ...result.extensions, plan: { ...trace.show(trace), ...trace.showBesides?.() } },
      };
}

/** Counts what operations use, how long they take and what becomes of them. */
import { type FormattedExecutionResult, type GraphQLFormattedError, getOperationAST } from 'graphql';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { Trace } from '../../execute/trace.ts';
import { OTHER } from '../../metrics/bounded-labels.ts';
import { type ClientMetrics, NOWHERE } from '../../metrics/client-metrics.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { type OperationUse, OUTCOMES } from '../../metrics/operation-use.ts';
import { tracedField } from '../../plan/traced-field.ts';
import type { View } from '../../views/view.ts';
import { type Answer, errorsIn, isStream, type Stream, toldErrors } from '../answer.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Answering, Policy, Streaming } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { Tapped } from '../tapped.ts';
import { EnumVariables, typesWithEnums } from './enum-variables.ts';
import { ownNames } from './own-names.ts';
import { Sampler } from './sampler.ts';
import { usedBy } from './used.ts';

/** Who calls without a key. */
const NOBODY = '-';

/** Undefined where nothing is counted. */
export function counting(view: View, metrics: Metrics | undefined): Policy | undefined {
  return metrics && new Counting(view, metrics.of(view.client.name), new Sampler(metrics.sample));
}

/** Of an operation with one combination of its conditions. */
interface Counted {
  readonly use: OperationUse;
  /** In which enum values may come; undefined where none may. */
  readonly variables: EnumVariables | undefined;
}

class Counting implements Policy {
  readonly #metrics: ClientMetrics;
  readonly #sampler: Sampler;
  readonly #counted: PerConditions<Counted>;

  constructor(view: View, metrics: ClientMetrics, sampler: Sampler) {
    this.#metrics = metrics;
    this.#sampler = sampler;
    const holding = typesWithEnums(view.schema);
    const names = ownNames(view.client);
    this.#counted = new PerConditions((document, operationName, conditions) => {
      const node = getOperationAST(document, operationName) ?? undefined;
      const name = node?.name?.value ?? '';
      const use = metrics.newUse(node?.operation ?? 'query', names.has(name) ? name : OTHER, () =>
        usedBy(view, document, operationName, conditions),
      );
      const findUsed = () => use.used.variables;
      return { use, variables: EnumVariables.of(view.schema, node, { holding, findUsed }) };
    });
  }

  answer(given: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    const metrics = this.#metrics;
    const startedAt = performance.now();
    const { operation, trace } = this.#sampled(given);
    metrics.inFlight++;
    return next(operation, request).then(
      (answer) => {
        metrics.inFlight--;
        this.#ended(operation, request, answer, startedAt);
        this.#noteTimes(trace, request);
        return answer;
      },
      (error: unknown) => {
        metrics.inFlight--;
        throw error;
      },
    );
  }

  async stream<Item>(
    given: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>> {
    const metrics = this.#metrics;
    const startedAt = performance.now();
    const isSubscription = given.kind === 'subscription';
    // How long a subscription's fields take is another thing for each event.
    const { operation, trace } = isSubscription ? { operation: given } : this.#sampled(given);
    // A subscription counts once it is one; an answer in parts from its beginning to its last part.
    const ends = () => {
      if (!isSubscription) metrics.inFlight--;
    };
    if (!isSubscription) metrics.inFlight++;
    const outcome = await next(operation, request).catch((error: unknown) => {
      ends();
      throw error;
    });
    if (!isStream(outcome)) {
      ends();
      this.#ended(operation, request, outcome, startedAt);
      this.#noteTimes(trace, request);
      return outcome;
    }
    const counted = this.#counted.get(operation);
    const { use } = counted;
    const consumer = consumerOf(request);
    this.#executed(counted, operation, consumer, startedAt);
    if (isSubscription) metrics.subscriptions++;
    let failed = false;
    const items = new Tapped(outcome.items, {
      item: (item) => {
        if (isSubscription) metrics.events++;
        if (request.left.isCancelled) return;
        for (const errors of errorsIn(item)) {
          failed = true;
          this.#failed(errors, consumer);
        }
      },
      end: () => {
        ends();
        if (isSubscription) metrics.subscriptions--;
        // How long somebody listens says nothing about how fast anything is.
        if (isSubscription) return;
        const outcome = request.left.isCancelled ? LEFT : failed ? PARTIAL : OK;
        use.durations[outcome]!.observe(performance.now() - startedAt);
        this.#noteTimes(trace, request);
      },
    });
    return { ...outcome, items };
  }

  /** With a trace, for some operations. */
  #sampled(given: PreparedOperation): { readonly operation: PreparedOperation; readonly trace?: Trace } {
    if (given.trace !== undefined || !this.#sampler.isNext()) return { operation: given };
    const trace = new Trace(false);
    return { operation: { ...given, trace }, trace };
  }

  /** Of what nobody waited for there are none. */
  #noteTimes(trace: Trace | undefined, { left }: Request): void {
    if (trace === undefined || left.isCancelled) return;
    for (const step of trace.steps) {
      const field = tracedField(step);
      if (field !== undefined && step.answeredMs !== undefined)
        this.#metrics.took(field.connector, field.coordinate, step.answeredMs - step.readyMs);
    }
  }

  #ended(operation: PreparedOperation, request: Request, answer: Answer, startedAt: number): void {
    const { result } = answer;
    const now = performance.now();
    const counted = this.#counted.get(operation);
    const hasLeft = request.left.isCancelled;
    counted.use.durations[hasLeft ? LEFT : outcomeOf(result)]!.observe(now - startedAt);
    const consumer = consumerOf(request);
    if ('data' in result) this.#executed(counted, operation, consumer, now);
    const errors = toldErrors(answer, request);
    if (errors !== undefined) this.#failed(errors, consumer);
  }

  #executed({ use, variables }: Counted, operation: PreparedOperation, consumer: string, now: number): void {
    this.#metrics.executed(use, consumer, now);
    variables?.count(operation.variables, (type, value) => this.#metrics.usedByVariable(type, value));
  }

  #failed(errors: readonly GraphQLFormattedError[], consumer: string): void {
    for (const { extensions = {} } of errors) {
      const { code, coordinate, denied } = extensions as Partial<CountedExtensions>;
      const places = coordinate === undefined ? (denied ?? []).map((one) => one.coordinate) : [coordinate];
      for (const place of places.length === 0 ? [NOWHERE] : places)
        this.#metrics.failed(consumer, place, code ?? 'INTERNAL');
    }
  }
}

interface CountedExtensions {
  readonly code: ErrorCode;
  readonly coordinate: string;
  readonly denied: ReadonlyArray<{ readonly coordinate: string }>;
}

const [OK, PARTIAL, REFUSED, FAILED, LEFT] = [
  OUTCOMES.indexOf('ok'),
  OUTCOMES.indexOf('partial'),
  OUTCOMES.indexOf('refused'),
  OUTCOMES.indexOf('failed'),
  OUTCOMES.indexOf('left'),
];

function outcomeOf(result: FormattedExecutionResult): number {
  const { errors } = result;
  // What was kept is text, and stays so as long as nobody looks at its data.
  if (errors === undefined) return OK;
  const { data } = result;
  if (data !== null && data !== undefined) return PARTIAL;
  const code = errors[0]?.extensions?.code as ErrorCode | undefined;
  return data === undefined && code !== undefined && ERRORS[code]?.fault === 'caller' ? REFUSED : FAILED;
}

function consumerOf({ principal }: Request): string {
  return principal?.key?.consumer ?? NOBODY;
}

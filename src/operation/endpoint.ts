/** One client's endpoint: what every door calls, so that all doors behave alike. */
import { type ExecutionResult, type FormattedExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import type { Logger } from 'pino';
import { CallContext, type CallerFacts } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import { ERRORS, type ErrorCode, HemError } from '../errors.ts';
import type { Engine } from '../execute/engine.ts';
import { countCall, Trace, withTrace } from '../execute/trace.ts';
import { type HemSettings, limitsOf, type OperationLimits } from '../load/settings/settings.ts';
import type { ClientMetrics } from '../metrics/client-metrics.ts';
import type { Authenticator } from '../principal/authenticator.ts';
import type { Principal } from '../principal/principal.ts';
import type { View } from '../views/view.ts';
import type { Answer, Stream } from './answer.ts';
import { asksForPlan } from './asking.ts';
import { Grants } from './auth/grants.ts';
import { describeCost } from './cost/describe-cost.ts';
import { Deadline, DeadlineOfParts } from './deadline.ts';
import { Documents } from './documents.ts';
import { codeOf, failure, format, formatErrors } from './format.ts';
import { type Part, type PartErrors, partsOf } from './parts.ts';
import { type Answering, answeringThrough, type Policy, type Streaming, streamingThrough } from './policy.ts';
import type { Prepared, PreparedOperation, Request } from './request.ts';

const NO_CLAIMS = Object.freeze(Object.create(null)) as Readonly<Record<string, unknown>>;
/** Failures of one operation that are logged. */
const MAX_LOGGED = 5;

interface Asking {
  readonly trace?: Trace | undefined;
  readonly principal?: Principal | undefined;
}

export class Endpoint {
  readonly name: string;
  readonly view: View;
  readonly limits: OperationLimits;
  /** Says who a caller is; undefined where that makes no difference. */
  readonly authenticator: Authenticator | undefined;
  readonly #settings: HemSettings;
  readonly #engine: Engine;
  readonly #documents: Documents;
  readonly #grants: Grants;
  readonly #log: Logger;
  readonly #metrics: ClientMetrics | undefined;
  readonly #answer: Answering;
  readonly #inParts: Streaming<Part>;
  readonly #events: Streaming<FormattedExecutionResult>;

  constructor(
    view: View,
    engine: Engine,
    {
      settings,
      log,
      authenticator,
      grants = new Grants(view),
      policies,
      metrics,
    }: {
      readonly settings: HemSettings;
      readonly log: Logger;
      readonly authenticator?: Authenticator | undefined;
      /** What plans show of the view. */
      readonly grants?: Grants;
      /** The outermost first. */
      readonly policies: readonly Policy[];
      /** Told of what does not come so far as to a policy; undefined where nothing is counted. */
      readonly metrics?: ClientMetrics | undefined;
    },
  ) {
    this.name = view.client.name;
    this.view = view;
    this.limits = limitsOf(settings, view.client.settings);
    this.authenticator = authenticator;
    this.#settings = settings;
    this.#grants = grants;
    this.#engine = engine;
    this.#log = log;
    this.#metrics = metrics;
    this.#answer = answeringThrough(policies, (operation, request) => this.#runOnce(operation, request));
    this.#inParts = streamingThrough(policies, (operation, request) => this.#runInParts(operation, request));
    this.#events = streamingThrough(policies, (operation, request) => this.#runForEvents(operation, request));
    this.#documents = new Documents(view.schema, this.limits, view.client.settings.introspection);
  }

  /** The schema as text, as a caller's plan shows it; undefined when it may not be read. */
  sdlFor(principal: Principal | undefined): string | undefined {
    return this.view.client.settings.introspection ? this.#grants.sdlFor(principal) : undefined;
  }

  /** For an operation whose caller asks how it is executed, and may. */
  traceOf(
    extensions: Readonly<Record<string, unknown>> | null | undefined,
    request: Pick<Request, 'headers'>,
  ): Trace | undefined {
    return this.view.client.settings.explain && asksForPlan(extensions, request) ? new Trace() : undefined;
  }

  /** The operation of a document that is asked for: the only one, unless a name says which. */
  prepare(text: string, name: string | null | undefined, { trace, principal }: Asking = {}): Prepared {
    const checked = trace === undefined ? this.#documents.check(text) : this.#documents.trace(text, trace);
    if ('errors' in checked) {
      if (this.#grants.of(principal) === undefined) return this.#refuse(checked.errors);
      const shown = this.#grants.schemaFor(principal);
      return this.#refuse(this.#documents.suggestFrom(shown, text, checked.errors));
    }
    const { document, incremental } = checked;
    const operationName = name ?? undefined;
    const node = getOperationAST(document, operationName);
    if (node) return { document, operationName, kind: node.operation, incremental: incremental?.get(node) };
    return this.#refuse([
      refusal(
        operationName === undefined
          ? 'The document has several operations; name one with "operationName".'
          : 'The document has no operation of this name.',
      ),
    ]);
  }

  /** A query or mutation. */
  execute(operation: PreparedOperation, request: Request): Promise<Answer> {
    return this.#answer(operation, request);
  }

  /** A query or mutation for callers who take several parts. Where nothing comes later, it is executed as for everybody. */
  executeInParts(operation: PreparedOperation, request: Request): Promise<Answer | Stream<Part>> {
    return operation.incremental?.isActive(operation.variables)
      ? this.#inParts(operation, request)
      : this.#answer(operation, request);
  }

  /** A subscription: lives until the caller leaves or the source ends. */
  subscribe(
    operation: PreparedOperation,
    request: Request,
  ): Promise<Answer | Stream<FormattedExecutionResult>> {
    return this.#events(operation, request);
  }

  /** Counts that a door does not take something, or ends it, and notes it for the log. */
  noteRefusal(code: ErrorCode, { notes }: Pick<Request, 'notes'>): void {
    this.#metrics?.refused(code);
    notes?.code(code);
  }

  /** The same, said to its caller. */
  refuse(
    code: ErrorCode,
    text: string,
    request: Pick<Request, 'requestId' | 'notes'>,
  ): FormattedExecutionResult {
    this.noteRefusal(code, request);
    return format({ errors: [refusal(text, code)] }, request);
  }

  #refuse(errors: readonly GraphQLError[]): { readonly errors: readonly GraphQLError[] } {
    this.#metrics?.refused(String(errors[0]?.extensions.code));
    return { errors };
  }

  /** By the client's deadline. */
  #runOnce(operation: PreparedOperation, request: Request): Promise<Answer> {
    const { trace } = operation;
    const asking = this.#asking(operation, request);
    const isFresh = operation.kind === 'mutation';
    const execute = (caller: CallContext) => this.#engine.execute(operation, caller);
    return this.#inTime(asking, execute, { trace, isFresh }).then((result) => ({
      result: this.#finish(result, request),
    }));
  }

  /** By one deadline for all parts. */
  async #runInParts(operation: PreparedOperation, request: Request): Promise<Answer | Stream<Part>> {
    const time = new DeadlineOfParts(this.limits.deadlineMs, request.left);
    try {
      const asking = this.#asking(operation, request);
      const isFresh = operation.kind === 'mutation';
      const caller = toContext(asking, time.deadline, { deadlineAt: time.deadline.at, isFresh });
      const outcome = await time.wait(this.#engine.executeIncrementally(operation, caller));
      if ('initialResult' in outcome) return { items: partsOf(outcome, time, this.#partErrors(request)) };
      time.end();
      return { result: this.#finish(outcome, request) };
    } catch (error) {
      time.end();
      return { result: this.#finish(withTrace(failure(error), operation.trace), request) };
    }
  }

  /** Each event has the time of an operation. */
  async #runForEvents(
    operation: PreparedOperation,
    request: Request,
  ): Promise<Answer | Stream<FormattedExecutionResult>> {
    const refused = checkNothingLater(operation);
    if (refused !== undefined) return { result: format({ errors: [refused] }, request) };
    try {
      const asking = this.#asking(operation, request);
      const outcome = await this.#engine.subscribe(
        operation,
        toContext(asking, request.left, { deadlineAt: Infinity, isFresh: false }),
        (execute) => this.#inTime(asking, execute),
      );
      return Symbol.asyncIterator in outcome
        ? { items: this.#finishEach(outcome, request) }
        : { result: this.#finish(outcome, request) };
    } catch (error) {
      return { result: this.#finish(failure(error), request) };
    }
  }

  /** Executes by the client's deadline; what has not ended by then is an error. Never rejects. */
  #inTime(
    request: Request,
    execute: (caller: CallContext) => Promise<ExecutionResult>,
    { trace, isFresh = false }: { readonly trace?: Trace | undefined; readonly isFresh?: boolean } = {},
  ): Promise<ExecutionResult> {
    return new Promise((resolve) => {
      const missed = () => fail(new HemError('DEADLINE_EXCEEDED'));
      const deadline = new Deadline(this.limits.deadlineMs, request.left, missed);
      const answer = (result: ExecutionResult) => {
        deadline.end();
        resolve(result);
      };
      const fail = (error: unknown) => answer(withTrace(failure(error), trace));
      try {
        execute(toContext(request, deadline, { deadlineAt: deadline.at, isFresh })).then(answer, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** The same caller; where he asked how it is executed, one whose backend calls are counted and who is told what it costs, too. */
  #asking({ trace, document, operationName }: PreparedOperation, request: Request): Request & CallerFacts {
    if (trace === undefined) return request;
    const settings = this.#settings;
    trace.showBesides = () => describeCost(this.view, document, { name: operationName, settings });
    const { requestId, headers, left, address, principal, tracing } = request;
    return { requestId, headers, left, address, principal, tracing, onCall: countCall };
  }

  async *#finishEach(
    results: AsyncIterable<ExecutionResult>,
    request: Request,
  ): AsyncGenerator<FormattedExecutionResult, void> {
    try {
      for await (const result of results) yield this.#finish(result, request);
    } catch (error) {
      // The source ended with an error: it is the last thing that the subscriber reads.
      yield this.#finish(failure(error), request);
    }
  }

  #finish(result: ExecutionResult, request: Request): FormattedExecutionResult {
    if (result.errors !== undefined) this.#logFailures(result.errors, !('data' in result), request);
    return format(result, request);
  }

  #partErrors(request: Request): PartErrors {
    let logged = 0;
    const format = (errors: readonly GraphQLError[]) => {
      this.#logFailures(errors.slice(0, MAX_LOGGED - logged), false, request);
      logged = Math.min(MAX_LOGGED, logged + errors.length);
      return formatErrors(errors, false, request);
    };
    return { format, ofFailure: (error) => format(failure(error).errors ?? []) };
  }

  /** What was not meant for callers goes to the log. */
  #logFailures(errors: readonly GraphQLError[], beforeExecution: boolean, { requestId }: Request): void {
    for (const error of errors.slice(0, MAX_LOGGED)) {
      const { originalError, path, extensions } = error;
      // What GraphQL itself says quotes values.
      if (originalError === undefined || originalError instanceof GraphQLError) continue;
      const { fault } = ERRORS[codeOf(error, beforeExecution)];
      const level = fault === 'gateway' ? 'error' : 'debug';
      this.#log[level](
        { err: originalError, client: this.name, requestId, path, ...extensions },
        'field failed',
      );
    }
  }
}

function refusal(text: string, code: ErrorCode = 'BAD_REQUEST'): GraphQLError {
  return new GraphQLError(text, { extensions: { code } });
}

/** Validation refuses what is certain to be deferred in a subscription; the rest is up to variables. */
function checkNothingLater({ incremental, variables }: PreparedOperation): GraphQLError | undefined {
  return incremental?.isActive(variables)
    ? refusal(
        'The events of a subscription come whole: its @defer and @stream need "if: false".',
        'BAD_VARIABLES',
      )
    : undefined;
}

function toContext(
  request: Request & CallerFacts,
  cancellation: Cancellation,
  time: Pick<CallContext, 'deadlineAt' | 'isFresh'>,
): CallContext {
  const { principal } = request;
  const claims = principal === undefined ? NO_CLAIMS : principal.claims;
  return new CallContext(request, cancellation, { ...time, claims });
}

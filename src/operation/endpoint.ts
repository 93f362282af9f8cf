/** One client's endpoint: what every door calls, so that all doors behave alike. */
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
  Kind,
  type OperationTypeNode,
  printSchema,
} from 'graphql';
import type { Logger } from 'pino';
import { CallContext, type CallerFacts } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import { ERRORS, type ErrorCode, HemError } from '../errors.ts';
import type { Engine, Operation } from '../execute/engine.ts';
import { countCall, Trace, withTrace } from '../execute/trace.ts';
import { type HemSettings, limitsOf, type OperationLimits } from '../load/settings.ts';
import type { IncrementalUse } from '../plan/incremental.ts';
import type { Authenticator } from '../principal/authenticator.ts';
import type { Principal } from '../principal/principal.ts';
import type { View } from '../views/view.ts';
import { asksForPlan } from './asking.ts';
import { hasInheritedNames, makeBare } from './bare-objects.ts';
import { Deadline, DeadlineOfParts } from './deadline.ts';
import { Documents } from './documents.ts';
import { Guard } from './guard.ts';
import { checkVariables } from './limits.ts';
import { type Part, type PartErrors, partsOf } from './parts.ts';

/** What a door knows of a request. */
export interface Request {
  readonly requestId: string;
  /** Lower-case names; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Cancelled when the caller leaves before the answer is sent. */
  readonly left: Cancellation;
  /** Who the caller is; undefined where the client does not ask. */
  readonly principal?: Principal | undefined;
}

/** An operation with what is known of its document. */
export interface PreparedOperation extends Operation {
  /** Where something may come later. */
  readonly incremental?: IncrementalUse | undefined;
}

/** An operation that can be executed once it has variables, or the reasons why not. */
export type Prepared =
  | (Omit<PreparedOperation, 'variables'> & { readonly kind: `${OperationTypeNode}` })
  | { readonly errors: readonly GraphQLError[] };

/** What callers read of one error at most; texts of theirs come back in some. */
const MAX_MESSAGE_CHARACTERS = 1000;
const NO_CLAIMS = Object.freeze(Object.create(null)) as Readonly<Record<string, unknown>>;
/** Failures of one operation that are logged. */
const MAX_LOGGED = 5;

export class Endpoint {
  readonly name: string;
  readonly view: View;
  readonly limits: OperationLimits;
  /** Says who a caller is; undefined where that makes no difference. */
  readonly authenticator: Authenticator | undefined;
  /** Undefined where everybody may see everything. */
  readonly #guard: Guard | undefined;
  readonly #engine: Engine;
  readonly #documents: Documents;
  readonly #log: Logger;
  readonly #bareVariables: boolean;
  #sdl: string | undefined;

  constructor(
    view: View,
    engine: Engine,
    {
      settings,
      log,
      authenticator,
    }: {
      readonly settings: HemSettings;
      readonly log: Logger;
      readonly authenticator?: Authenticator | undefined;
    },
  ) {
    this.name = view.client.name;
    this.view = view;
    this.limits = limitsOf(settings, view.client.settings);
    this.authenticator = authenticator;
    this.#guard = view.rules === undefined ? undefined : new Guard(view);
    this.#engine = engine;
    this.#log = log;
    this.#bareVariables = hasInheritedNames(view.schema);
    this.#documents = new Documents(view.schema, this.limits, view.client.settings.introspection);
  }

  /** The schema as text, or undefined when it may not be read. */
  get sdl(): string | undefined {
    if (!this.view.client.settings.introspection) return undefined;
    this.#sdl ??= `${printSchema(this.view.schema)}\n`;
    return this.#sdl;
  }

  /** For an operation whose caller asks how it is executed, and may. */
  traceOf(
    extensions: Readonly<Record<string, unknown>> | null | undefined,
    request: Pick<Request, 'headers'>,
  ): Trace | undefined {
    return this.view.client.settings.explain && asksForPlan(extensions, request) ? new Trace() : undefined;
  }

  /** The operation of a document that is asked for: the only one, unless a name says which. */
  prepare(text: string, name: string | null | undefined, trace?: Trace): Prepared {
    const checked = trace === undefined ? this.#documents.check(text) : this.#documents.trace(text, trace);
    if ('errors' in checked) return checked;
    const { document, incremental } = checked;
    const operationName = name ?? undefined;
    const node = getOperationAST(document, operationName);
    if (node) return { document, operationName, kind: node.operation, incremental: incremental?.get(node) };
    return {
      errors: [
        refusal(
          operationName === undefined
            ? 'The document has several operations; name one with "operationName".'
            : 'The document has no operation of this name.',
        ),
      ],
    };
  }

  /** A query or mutation, by its deadline. */
  execute(operation: PreparedOperation, request: Request): Promise<FormattedExecutionResult> {
    const admitted = this.#admit(operation, request);
    if ('errors' in admitted) return Promise.resolve(format(admitted, request));
    const { trace } = operation;
    const asking = counting(request, trace);
    return this.#inTime(asking, (caller) => this.#engine.execute(admitted, caller), trace).then((result) =>
      this.#finish(result, request),
    );
  }

  /**
   * A query or mutation for callers who take several parts, by one deadline for all of them. Where nothing comes later, it is executed
   * as for everybody.
   */
  async executeInParts(
    operation: PreparedOperation,
    request: Request,
  ): Promise<FormattedExecutionResult | AsyncGenerator<Part, void>> {
    if (!operation.incremental?.isActive(operation.variables)) return this.execute(operation, request);
    const admitted = this.#admit(operation, request);
    if ('errors' in admitted) return format(admitted, request);
    const time = new DeadlineOfParts(this.limits.deadlineMs, request.left);
    try {
      const asking = counting(request, operation.trace);
      const caller = toContext(asking, time.deadline, time.deadline.at);
      const outcome = await time.wait(this.#engine.executeIncrementally(admitted, caller));
      if ('initialResult' in outcome) return partsOf(outcome, time, this.#partErrors(request));
      time.end();
      return this.#finish(outcome, request);
    } catch (error) {
      time.end();
      return this.#finish(withTrace(failure(error), operation.trace), request);
    }
  }

  /** A subscription: lives until the caller leaves or the source ends. Each of its events has the time of an operation. */
  async subscribe(
    operation: PreparedOperation,
    request: Request,
  ): Promise<AsyncGenerator<FormattedExecutionResult, void> | FormattedExecutionResult> {
    const admitted = this.#admit(operation, request, checkNothingLater);
    if ('errors' in admitted) return format(admitted, request);
    try {
      const asking = counting(request, operation.trace);
      const outcome = await this.#engine.subscribe(
        admitted,
        toContext(asking, request.left, Infinity),
        (execute) => this.#inTime(asking, execute),
      );
      return Symbol.asyncIterator in outcome
        ? this.#finishEach(outcome, request)
        : this.#finish(outcome, request);
    } catch (error) {
      return this.#finish(failure(error), request);
    }
  }

  /** Executes by the client's deadline; what has not ended by then is an error. Never rejects. */
  #inTime(
    request: Request,
    execute: (caller: CallContext) => Promise<ExecutionResult>,
    trace?: Trace,
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
        execute(toContext(request, deadline, deadline.at)).then(answer, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** What the caller may see of it, or why it is refused: decided before any backend is asked. */
  #admit(
    operation: PreparedOperation,
    { principal }: Request,
    alsoCheck?: (operation: PreparedOperation) => GraphQLError | undefined,
  ) {
    const refused = this.#checkVariables(operation) ?? alsoCheck?.(operation);
    if (refused !== undefined) return { errors: [refused] };
    return this.#guard === undefined ? operation : this.#guard.admit(operation, principal);
  }

  #checkVariables({ variables, incremental }: PreparedOperation): GraphQLError | undefined {
    const refused = checkVariables(variables, this.limits);
    if (refused === undefined && this.#bareVariables) makeBare(variables);
    if (refused !== undefined || incremental === undefined) return refused;
    const problem = incremental.problemWith(variables);
    return problem === undefined ? undefined : refusal(problem, 'BAD_VARIABLES');
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
      if (originalError === undefined) continue;
      const { fault } = ERRORS[codeOf(error, beforeExecution)];
      const level = fault === 'gateway' ? 'error' : 'debug';
      this.#log[level](
        { err: originalError, client: this.name, requestId, path, ...extensions },
        'field failed',
      );
    }
  }
}

/** A result of nothing but an error that no field is to blame for. */
function failure(error: unknown): ExecutionResult {
  if (error instanceof GraphQLError) return { errors: [error] };
  const cause = error instanceof Error ? error : new Error(String(error));
  if (!(cause instanceof HemError)) return { errors: [new GraphQLError('', { originalError: cause })] };
  const extensions = { code: cause.code };
  return { errors: [new GraphQLError(cause.publicText, { originalError: cause, extensions })] };
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

/** The same caller; where there is a trace, one whose backend calls are counted. */
function counting(request: Request, trace: Trace | undefined): Request & CallerFacts {
  if (trace === undefined) return request;
  const { requestId, headers, left, principal } = request;
  return { requestId, headers, left, principal, onCall: countCall };
}

function toContext(
  request: Request & CallerFacts,
  cancellation: Cancellation,
  deadlineAt: number,
): CallContext {
  const { principal } = request;
  const claims = principal === undefined ? NO_CLAIMS : principal.claims;
  return new CallContext(request, cancellation, { deadlineAt, claims });
}

/** Every error gets a code and the request's id; whatever was not meant for callers is replaced. */
export function format(
  result: ExecutionResult,
  request: Pick<Request, 'requestId'>,
): FormattedExecutionResult {
  if (result.errors === undefined) return result as FormattedExecutionResult;
  return { ...result, errors: formatErrors(result.errors, !('data' in result), request) };
}

function formatErrors(
  errors: readonly GraphQLError[],
  beforeExecution: boolean,
  { requestId }: Pick<Request, 'requestId'>,
): readonly GraphQLFormattedError[] {
  return [...errors].sort(byPosition).map((error) => formatError(error, beforeExecution, requestId));
}

export function formatError(
  error: GraphQLError,
  beforeExecution: boolean,
  requestId: string,
): GraphQLFormattedError {
  const code = codeOf(error, beforeExecution);
  const isOwn = error.extensions.code !== undefined;
  const message = isOwn || code !== 'INTERNAL' ? error.message : ERRORS.INTERNAL.text;
  const { locations, path } = error;
  return {
    message:
      message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message,
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
    extensions: { ...error.extensions, code, requestId },
  };
}

/**
 * Without a code of ours it is graphql-js's own error. Before execution it is about the caller's variables, and points at them; later
 * about an argument that is null by a variable, and points at that one; whatever else is unforeseen.
 */
function codeOf({ extensions, originalError, nodes }: GraphQLError, beforeExecution: boolean): ErrorCode {
  const own = extensions.code as ErrorCode | undefined;
  const isAboutVariables = beforeExecution
    ? originalError === undefined || nodes !== undefined
    : originalError instanceof GraphQLError && nodes?.[0] !== undefined && nodes[0].kind !== Kind.FIELD;
  return own ?? (isAboutVariables ? 'BAD_VARIABLES' : 'INTERNAL');
}

function byPosition(a: GraphQLError, b: GraphQLError): number {
  const [first, second] = [a.positions?.[0] ?? 0, b.positions?.[0] ?? 0];
  return first - second || comparePaths(a.path ?? [], b.path ?? []);
}

function comparePaths(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index]!, b[index]!];
    if (left === right) continue;
    return typeof left === 'number' && typeof right === 'number'
      ? left - right
      : String(left) < String(right)
        ? -1
        : 1;
  }
  return a.length - b.length;
}

/** One client's endpoint: what every door calls, so that all doors behave alike. */
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  printSchema,
} from 'graphql';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Engine, Operation } from '../execute/engine.ts';
import type { Caller } from '../execute/execution.ts';
import { type HemSettings, limitsOf, type OperationLimits } from '../load/settings.ts';
import type { View } from '../views/view.ts';
import { Documents, type Prepared } from './documents.ts';
import { checkVariables } from './limits.ts';

/** What a door knows of a request. */
export interface Request {
  readonly requestId: string;
  /** Lower-case names; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
}

export class Endpoint {
  readonly name: string;
  readonly view: View;
  readonly limits: OperationLimits;
  readonly #engine: Engine;
  readonly #documents: Documents;
  #sdl: string | undefined;

  constructor(view: View, engine: Engine, settings: HemSettings) {
    this.name = view.client.name;
    this.view = view;
    this.limits = limitsOf(settings, view.client.settings);
    this.#engine = engine;
    this.#documents = new Documents(view.schema, this.limits, view.client.settings.introspection);
  }

  /** The schema as text, or undefined when it may not be read. */
  get sdl(): string | undefined {
    if (!this.view.client.settings.introspection) return undefined;
    this.#sdl ??= `${printSchema(this.view.schema)}\n`;
    return this.#sdl;
  }

  prepare(text: string): Prepared {
    return this.#documents.prepare(text);
  }

  /** A query or mutation, by its deadline. */
  async execute(operation: Operation, request: Request): Promise<FormattedExecutionResult> {
    const refused = checkVariables(operation.variables, this.limits);
    if (refused !== undefined) return format({ errors: [refused] }, request);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), this.limits.deadlineMs);
    const leave = () => deadline.abort();
    request.signal.addEventListener('abort', leave, { once: true });
    const caller = toCaller(request, deadline.signal, performance.now() + this.limits.deadlineMs);
    try {
      return format(await this.#engine.execute(operation, caller), request);
    } catch (error) {
      return format({ errors: [new GraphQLError('', { originalError: error as Error })] }, request);
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', leave);
    }
  }

  /** A subscription: lives until the caller leaves or the source ends. */
  async subscribe(
    operation: Operation,
    request: Request,
  ): Promise<AsyncGenerator<FormattedExecutionResult, void> | FormattedExecutionResult> {
    const refused = checkVariables(operation.variables, this.limits);
    if (refused !== undefined) return format({ errors: [refused] }, request);
    const outcome = await this.#engine.subscribe(operation, toCaller(request, request.signal, Infinity));
    return Symbol.asyncIterator in outcome ? formatEach(outcome, request) : format(outcome, request);
  }
}

function toCaller({ requestId, headers }: Request, signal: AbortSignal, deadlineAt: number): Caller {
  return { signal, deadlineAt, requestId, headers, claims: {} };
}

async function* formatEach(
  results: AsyncIterable<ExecutionResult>,
  request: Request,
): AsyncGenerator<FormattedExecutionResult, void> {
  try {
    for await (const result of results) yield format(result, request);
  } catch (error) {
    // The source ended with an error: it is the last thing that the subscriber reads.
    yield format(
      {
        errors: [
          error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error }),
        ],
      },
      request,
    );
  }
}

/** Every error gets a code and the request's id; whatever was not meant for callers is replaced. */
export function format(
  result: ExecutionResult,
  { requestId }: Pick<Request, 'requestId'>,
): FormattedExecutionResult {
  if (result.errors === undefined) return result as FormattedExecutionResult;
  const beforeExecution = !('data' in result);
  const errors = [...result.errors]
    .sort(byPosition)
    .map((error) => formatError(error, beforeExecution, requestId));
  return { ...result, errors };
}

export function formatError(
  error: GraphQLError,
  beforeExecution: boolean,
  requestId: string,
): GraphQLFormattedError {
  const own = error.extensions.code as ErrorCode | undefined;
  // Without a code it is graphql-js's own: about the caller's variables before execution, unforeseen afterwards.
  const code = own ?? (beforeExecution && error.originalError === undefined ? 'BAD_VARIABLES' : 'INTERNAL');
  const message = own === undefined && code === 'INTERNAL' ? ERRORS.INTERNAL.text : error.message;
  const { locations, path } = error;
  return {
    message,
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
    extensions: { ...error.extensions, code, requestId },
  };
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

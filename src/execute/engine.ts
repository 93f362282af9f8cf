/** What an engine is: the seam between doors and execution. The reference engine is the first; others must give the same answers. */
import type {
  DocumentNode,
  ExecutionResult,
  ExperimentalIncrementalExecutionResults,
  FieldNode,
} from 'graphql';
import type { CallContext } from '../call-context.ts';
import type { HemError } from '../errors.ts';
import type { Trace } from './trace.ts';

export type IncrementalResults = ExperimentalIncrementalExecutionResults;

/** A validated document of one client, with what the caller sent along. */
export interface Operation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Only when the caller has asked for it, and may. */
  readonly trace?: Trace | undefined;
  /** What is null with an error, without a call, because the caller may not see it. */
  readonly denied?: Denials;
}

/** The same object for the same denials of a document. */
export interface Denials {
  /** Why an object type of the view must not be asked for a field. */
  denialOf(typeName: string, node: FieldNode): HemError | undefined;
}

export interface Engine {
  /** A query or mutation in one answer; `@defer` and `@stream` are as if they were not there. Never rejects: what fails is in the result. */
  execute(operation: Operation, caller: CallContext): Promise<ExecutionResult>;
  /** A query or mutation whose `@defer` and `@stream` count: several results, or one where nothing came to be deferred. */
  executeIncrementally(
    operation: Operation,
    caller: CallContext,
  ): Promise<ExecutionResult | IncrementalResults>;
  /** A subscription: its events, or the result that says why there are none. `caller` is who opens it; each event is executed in a time of its own. */
  subscribe(
    operation: Operation,
    caller: CallContext,
    inEventTime: InEventTime,
  ): Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;
}

/** Gives an event the caller to be executed for, with a deadline. Never rejects. */
export type InEventTime = (
  execute: (caller: CallContext) => Promise<ExecutionResult>,
) => Promise<ExecutionResult>;

/** What an engine is: the seam between doors and execution. The reference engine is the first; others must give the same answers. */
import type { DocumentNode, ExecutionResult, FieldNode } from 'graphql';
import type { HemError } from '../errors.ts';
import type { CallContext } from '../upstream/call-context.ts';

/** A validated document of one client, with what the caller sent along. */
export interface Operation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What is null with an error, without a call, because the caller may not see it. */
  readonly denied?: Denials;
}

/** The same object for the same denials of a document. */
export interface Denials {
  /** Why an object type of the view must not be asked for a field. */
  denialOf(typeName: string, node: FieldNode): HemError | undefined;
}

export interface Engine {
  /** A query or mutation. Never rejects: what fails is in the result. */
  execute(operation: Operation, caller: CallContext): Promise<ExecutionResult>;
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

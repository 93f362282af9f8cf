/** What doors hand to an endpoint: who asks, and for which operation. */
import type { GraphQLError, OperationTypeNode } from 'graphql';
import type { CallTracing } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import type { Operation } from '../execute/engine.ts';
import type { RequestSpan } from '../metrics/tracing.ts';
import type { IncrementalUse } from '../plan/incremental.ts';
import type { Principal } from '../principal/principal.ts';
import type { RequestNotes } from './watch/request-notes.ts';

/** What a door knows of a request. */
export interface Request {
  readonly requestId: string;
  /** Lower-case names; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Cancelled when the caller leaves before the answer is sent. */
  readonly left: Cancellation;
  /** The address of who connected, or of whom a trusted proxy names. */
  readonly address?: string | undefined;
  /** Who the caller is; undefined where the client does not ask. */
  readonly principal?: Principal | undefined;
  /** For its line of the log; undefined where none is written. */
  readonly notes?: RequestNotes | undefined;
  /** Of the request; undefined where nothing is traced. */
  readonly span?: RequestSpan | undefined;
  /** Of one operation of it. */
  readonly tracing?: CallTracing | undefined;
}

/** An operation with what is known of its document. */
export interface PreparedOperation extends Operation {
  readonly kind: `${OperationTypeNode}`;
  /** Where something may come later. */
  readonly incremental?: IncrementalUse | undefined;
}

/** An operation that can be executed once it has variables, or the reasons why not. */
export type Prepared = Omit<PreparedOperation, 'variables'> | { readonly errors: readonly GraphQLError[] };

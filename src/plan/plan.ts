/** What an operation is compiled into: steps that fetch and functions that project. Nothing of a request is in it. */
import type { Connector, ConnectorField } from '../load/model.ts';
import type { Cell, Path, Run } from './run.ts';

export interface Plan {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly root: ObjectPlan;
  /** Subscriptions only. */
  readonly stream: StreamStep | undefined;
  /** How many it projects, counted for each type that may be there: a measure of its memory. */
  readonly fields: number;
}

export interface StreamStep {
  readonly field: ConnectorField;
  open(run: Run): AsyncIterable<unknown>;
  /** Puts an event where the root's projection reads it, and fetches what hangs on it. */
  place(event: unknown, root: Cell, run: Run): Promise<void>;
}

/** One concrete type at one place of the operation, coming from one origin. */
export interface ObjectPlan {
  readonly graphType: string;
  /** Nothing has to be fetched for it: it is projected from the bare record. */
  readonly pure: boolean;
  readonly slots: number;
  readonly steps: readonly Step[];
  /** From a cell, or from a bare record when pure. FAILED when a non-null field failed. */
  readonly project: (source: unknown, run: Run, path: Path | undefined) => unknown;
}

/** The object types that may stand at one place. */
export interface ObjectsPlan {
  /** The graph's name of the declared type. */
  readonly graphType: string;
  readonly connector: Connector;
  readonly pure: boolean;
  /** By the graph's concrete type. */
  readonly byType: ReadonlyMap<string, ObjectPlan>;
  /** When the declared type is concrete. */
  readonly single: ObjectPlan | undefined;
}

/** One thing to do for all objects of a place at once. */
export interface Step {
  /** Indexes of earlier steps of the same object that must have ended. */
  readonly after: readonly number[];
  /** For `explain`. */
  readonly what: StepDescription;
  run(cells: readonly Cell[], run: Run): Promise<void> | undefined;
}

export interface StepDescription {
  readonly kind: 'call' | 'lookup' | 'objects';
  readonly connector: string;
  /** The connector's field that is called. */
  readonly field: string;
  /** Many parents in one call. */
  readonly batched: boolean;
  /** Response key of the field, or the type that is looked up. */
  readonly label: string;
  /** Its result is a list: what hangs below happens for each. */
  readonly list: boolean;
  readonly why: string;
  /** Depends on `@skip` or `@include` by a variable. */
  readonly conditional: boolean;
  readonly below: ObjectsPlan | undefined;
}

/** What this compiler does not compile; the reference engine runs it. */
export class NotCompiled extends Error {}

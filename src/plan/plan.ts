/** What an operation is compiled into: steps that fetch and functions that project. Nothing of a request is in it. */
import type { CallDescription } from '../connectors/kind.ts';
import type { Connector, ConnectorField } from '../load/model.ts';
import type { Cell, Path, Run } from './run.ts';

export interface Plan {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly root: ObjectPlan;
  /** Mutations only: one for each root field, which come one after the other (GraphQL, 6.2.2). */
  readonly turns: readonly Turn[] | undefined;
  /** Subscriptions only. */
  readonly stream: StreamStep | undefined;
  /** How many it projects, counted for each type that may be there: a measure of its memory. */
  readonly fields: number;
}

/** A root field that is fetched and projected before the next one is begun. */
export type Turn = Pick<ObjectPlan, 'steps' | 'project'>;

export interface StreamStep {
  readonly field: ConnectorField;
  /** For `explain`. */
  readonly what: StepDescription;
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
  /** Where each cell holds what the step fetched. */
  readonly slot: number;
  run(cells: readonly Cell[], run: Run): Promise<void> | undefined;
}

export interface StepDescription {
  readonly kind: 'call' | 'lookup' | 'objects' | 'stream';
  readonly connector: string;
  /** The connector's field that is called. */
  readonly field: string;
  /** How its backend call reads to people; undefined for what makes none. */
  readonly describe: (() => CallDescription) | undefined;
  /** How many objects a call of a batched lookup takes; undefined where that is the kind's affair. */
  readonly batchSize: number | undefined;
  /** Equal for steps that load together what they ask for; undefined where nobody else asks the same. */
  readonly sharedAs: (() => string | undefined) | undefined;
  /** Response key of the field, or the type that is looked up. */
  readonly label: string;
  /** Asked while the call that finds its object is under way, because that call is given its key. */
  readonly ahead: boolean;
  /** Response keys of the fields that need it. */
  readonly wantedBy: ReadonlySet<string>;
  /** Levels of lists in its result: what hangs below happens for each element. */
  readonly lists: number;
  readonly why: string;
  /** Depends on `@skip` or `@include` by a variable. */
  readonly conditional: boolean;
  readonly below: ObjectsPlan | undefined;
}

/** What this compiler does not compile; the reference engine runs it. */
export class NotCompiled extends Error {}

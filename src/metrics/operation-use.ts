/** What is counted of one compiled operation. On the way of a request one number changes; what it means is found out when somebody reads. */
import type { Histogram } from './histogram.ts';

/** What became of an operation. */
export const OUTCOMES = ['ok', 'partial', 'refused', 'failed', 'left'] as const;

/** What an operation uses, with the values of its conditions. Each is named once. */
export interface UsedByOperation {
  /** `Type.field` */
  readonly fields: readonly string[];
  /** `Type.field` and the argument's name. */
  readonly args: ReadonlyArray<readonly [coordinate: string, argument: string]>;
  /** The enum's name and the value's, where they stand in the document. */
  readonly enumValues: ReadonlyArray<readonly [type: string, value: string]>;
  /** That hold enum values and input objects. */
  readonly variables: ReadonlySet<string>;
}

/** One operation of a document, with one combination of what `@skip` and `@include` leave out. */
export class OperationUse {
  /** By outcome. */
  readonly durations: ReadonlyArray<Histogram>;
  readonly #find: () => UsedByOperation;
  #used: UsedByOperation | undefined;
  /** Most operations are one consumer's, or everybody's. */
  #last: Tally | undefined;
  #others: Map<string, Tally> | undefined;

  constructor(durations: ReadonlyArray<Histogram>, find: () => UsedByOperation) {
    this.durations = durations;
    this.#find = find;
  }

  get used(): UsedByOperation {
    this.#used ??= this.#find();
    return this.#used;
  }

  tallyOf(consumer: string): Tally {
    const last = this.#last;
    if (last?.consumer === consumer) return last;
    this.#others ??= new Map();
    if (last !== undefined) this.#others.set(last.consumer, last);
    this.#last = this.#others.get(consumer) ?? new Tally(this, consumer);
    return this.#last;
  }

  /** Tallies that are read: consumers that do not come again are not kept. */
  forget(): void {
    this.#last = undefined;
    this.#others = undefined;
  }
}

/** How often one consumer had an operation executed since that was last read. */
export class Tally {
  readonly use: OperationUse;
  readonly consumer: string;
  count = 0;
  /** By `performance.now()`. */
  firstAt = 0;
  lastAt = 0;

  constructor(use: OperationUse, consumer: string) {
    this.use = use;
    this.consumer = consumer;
  }
}

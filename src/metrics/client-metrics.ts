/** What is counted of one client's operations. */
import type { Counter } from './histogram.ts';
import type { MetricsOfClients } from './metrics-of-clients.ts';
import { OperationUse, OUTCOMES, type Tally, type UsedByOperation } from './operation-use.ts';

/** Operations that were executed and not read yet; more are read at once, so that nothing is kept alive for its count alone. */
const MAX_UNREAD = 256;

/** Who gets to know per consumer what was used. */
export interface UsageSink {
  used(client: string, tally: Tally): void;
  failed(client: string, consumer: string, coordinate: string): void;
}

export class ClientMetrics {
  readonly name: string;
  /** Operations that are executed now. */
  inFlight = 0;
  /** Subscriptions that are open now. */
  subscriptions = 0;
  events = 0;
  /** Over HTTP, by status. */
  readonly responses = new Map<number, Counter>();
  readonly #all: MetricsOfClients;
  readonly #usage: UsageSink | undefined;
  #unread: Tally[] = [];
  readonly #resolved = new WeakMap<OperationUse, readonly Counter[]>();

  constructor(name: string, all: MetricsOfClients, usage: UsageSink | undefined) {
    this.name = name;
    this.#all = all;
    this.#usage = usage;
  }

  /** @param operation its name where it is one of the client's own, else `other` */
  newUse(kind: string, operation: string, find: () => UsedByOperation): OperationUse {
    const durations = OUTCOMES.map((outcome) => this.#all.durations.of(this.name, kind, operation, outcome));
    return new OperationUse(durations, find);
  }

  /** An operation was executed, whatever came of it. @param now `performance.now()` */
  executed(use: OperationUse, consumer: string, now: number): void {
    const tally = use.tallyOf(consumer);
    tally.lastAt = now;
    if (tally.count++ === 0) {
      tally.firstAt = now;
      this.#unread.push(tally);
      if (this.#unread.length > MAX_UNREAD) this.read();
    }
  }

  failed(consumer: string, coordinate: string, code: string): void {
    this.#all.errors.of(this.name, coordinate, code).value++;
    if (coordinate !== NOWHERE) this.#usage?.failed(this.name, consumer, coordinate);
  }

  /** A request was refused before any operation was found in it. */
  refused(code: string): void {
    this.#all.errors.of(this.name, NOWHERE, code).value++;
  }

  usedByVariable(type: string, value: string): void {
    this.#all.enumValues.of(this.name, type, value).value++;
  }

  took(connector: string, coordinate: string, ms: number): void {
    this.#all.fieldDurations.of(this.name, connector, coordinate).observe(ms);
  }

  /** Expands what was counted since this was last done. */
  read(): void {
    const tallies = this.#unread;
    this.#unread = [];
    for (const tally of tallies) {
      for (const counter of this.#countersOf(tally.use)) counter.value += tally.count;
      this.#usage?.used(this.name, tally);
      tally.use.forget();
    }
  }

  #countersOf(use: OperationUse): readonly Counter[] {
    const known = this.#resolved.get(use);
    if (known !== undefined) return known;
    const { fields, args, enumValues } = use.used;
    const made = [
      ...fields.map((coordinate) => this.#all.fields.of(this.name, coordinate)),
      ...args.map((argument) => this.#all.args.of(this.name, ...argument)),
      ...enumValues.map((value) => this.#all.enumValues.of(this.name, ...value)),
    ];
    this.#resolved.set(use, made);
    return made;
  }
}

/** In place of a coordinate: the whole operation. */
export const NOWHERE = '-';

/** What is kept of consumers, plans, subscriptions and keys. Nothing of it is ever a secret. */
import { HemError } from '../errors.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import type { RecordStore, RecordWrite } from '../store/record-store.ts';
import type { ExcludedFields } from './plan-meanings.ts';

/** Under its name. Times are `Date.now()`. */
export interface Consumer {
  readonly title?: string;
  readonly createdAt: number;
  readonly suspendedAt?: number;
  /** What it manages its keys with. */
  readonly portal?: KeptSecret;
}

/** How a secret is recognised. */
export interface KeptSecret {
  /** The public part. */
  readonly id: string;
  /** The version of the pepper that it was hashed with. */
  readonly pepper: string;
  /** HMAC-SHA-256 in base64url. */
  readonly digest: string;
}

/** A plan's content is a version's; under the plan's name stands which is the newest. */
export interface Plan {
  readonly newest: number;
  /** It is no longer in clients/plans.yml: who has it keeps it. */
  readonly retiredAt?: number;
}

/** Under `<plan>@<version>`. Never changes, but for what is recorded of it. */
export interface PlanVersion {
  readonly settings: PlanSettings;
  readonly createdAt: number;
  /** What its `exclude` has ever meant: it stays excluded under other names, and for processes that know only those. */
  readonly excluded?: ExcludedFields;
}

export type SubscriptionState = 'pending' | 'approved' | 'denied' | 'cancelled';

export interface Subscription {
  readonly consumer: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly state: SubscriptionState;
  readonly createdAt: number;
  readonly decidedAt?: number;
  readonly reason?: string;
}

/** Under its public part. */
export interface Key extends Omit<KeptSecret, 'id'> {
  readonly consumer: string;
  readonly subscription: string;
  readonly environment: 'live' | 'test';
  readonly label?: string;
  readonly clients?: readonly string[];
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  /** The key that was made in its place, and of that the one before. */
  readonly replacedBy?: string;
  readonly replaces?: string;
  /** It stands in web pages of these origins, so that its text is no secret. */
  readonly publishable?: { readonly origins: readonly string[]; readonly text: string };
  /** It was made by another system: what is hashed with the pepper is that one's own hash of its text, in hexadecimal. */
  readonly imported?: { readonly algorithm: ImportAlgorithm; readonly prefix: string };
}

export const IMPORT_ALGORITHMS = ['sha256', 'sha384', 'sha512'] as const;
export type ImportAlgorithm = (typeof IMPORT_ALGORITHMS)[number];

/** Attempts against others who write the same. */
const MAX_ATTEMPTS = 8;

export class Table<Value extends object> {
  readonly name: string;
  readonly #records: RecordStore;

  constructor(records: RecordStore, name: string) {
    this.#records = records;
    this.name = name;
  }

  get(id: string): Value | undefined {
    return this.#records.get<Value>(this.name, id)?.value;
  }

  all(): ReadonlyArray<readonly [id: string, value: Value]> {
    return this.#records.all<Value>(this.name).map(({ id, value }) => [id, value]);
  }

  /** A write that succeeds only if nobody else changes it meanwhile. */
  put(id: string, value: Value): RecordWrite {
    const version = this.#records.get(this.name, id)?.version ?? 0;
    return { table: this.name, id, version, value };
  }
}

export class Ledger {
  readonly records: RecordStore;
  readonly now: () => number;
  readonly consumers: Table<Consumer>;
  readonly plans: Table<Plan>;
  readonly planVersions: Table<PlanVersion>;
  readonly subscriptions: Table<Subscription>;
  readonly keys: Table<Key>;
  /** Fingerprints by version. */
  readonly peppers: Table<{ readonly fingerprint: string }>;

  /** @param now what time it is, as `Date.now` */
  constructor(records: RecordStore, now: () => number) {
    this.records = records;
    this.now = now;
    this.consumers = new Table(records, 'consumers');
    this.plans = new Table(records, 'plans');
    this.planVersions = new Table(records, 'plan-versions');
    this.subscriptions = new Table(records, 'subscriptions');
    this.keys = new Table(records, 'keys');
    this.peppers = new Table(records, 'peppers');
  }

  /**
   * Decides by what is known, and writes it; where another was faster, decides anew.
   * @throws {HemError} what `decide` throws, STORE_UNAVAILABLE, CONFLICT when others are always faster
   */
  async change<Result>(
    decide: () => { readonly writes: readonly RecordWrite[]; readonly result: Result },
  ): Promise<Result> {
    if (!this.records.isComplete) throw new HemError('STORE_UNAVAILABLE');
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { writes, result } = decide();
      if (writes.length === 0 || (await this.records.write(writes))) return result;
    }
    throw new HemError('CONFLICT', { publicText: 'Others change the same at the same time: try again.' });
  }
}

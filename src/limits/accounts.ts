/** What callers draw on of one list of limits. Found out once for a caller who comes again from the same address. */
import { ANONYMOUS, type Principal } from '../principal/principal.ts';
import { Account } from './account.ts';
import type { Limit } from './limit.ts';
import { type Caller, partitionOf } from './partition.ts';

interface Known {
  readonly address: string | undefined;
  readonly accounts: readonly Account[];
}

export class Accounts {
  readonly limits: readonly Limit[];
  readonly #client: string;
  /** Principals are the same objects as long as nothing about a caller changes. */
  readonly #known = new WeakMap<Principal, Known>();

  /** @param client its name */
  constructor(limits: readonly Limit[], client: string) {
    this.limits = limits;
    this.#client = client;
  }

  /** In the order of the limits. */
  of({ address, principal = ANONYMOUS }: Omit<Caller, 'client'>): readonly Account[] {
    const known = this.#known.get(principal);
    if (known !== undefined && known.address === address) return known.accounts;
    const caller = { client: this.#client, address, principal };
    const accounts = this.limits.map((limit) => new Account(limit, partitionOf(limit, caller)));
    this.#known.set(principal, { address, accounts });
    return accounts;
  }
}

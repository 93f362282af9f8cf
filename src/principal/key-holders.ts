/** Who sends a key: which application, under which plan, and whether that counts at one client. */
import type { KeyTable, KnownKey } from '../consumers/known-key.ts';
import type { KnownPlans } from '../consumers/known-plan.ts';
import { HemError } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import { keyRefused } from './failures.ts';
import { ANONYMOUS, type Principal } from './principal.ts';

/** Keys as far as requests know of them. */
export interface Keys {
  readonly table: KeyTable;
  readonly plans: KnownPlans;
}

/** No key is as long, and none is looked for. */
const MAX_CHARACTERS = 1024;

export class KeyHolders {
  readonly #client: string;
  readonly #publishable: boolean;
  readonly #keys: Keys;
  /** A key that changes is another object. */
  readonly #known = new WeakMap<KnownKey, Principal>();

  constructor(client: string, publishable: boolean, keys: Keys) {
    this.#client = client;
    this.#publishable = publishable;
    this.#keys = keys;
  }

  /** @throws {HemError} UNAUTHENTICATED, FORBIDDEN when its plan does not grant the client */
  find(text: string, { origin, connection }: Pick<Credentials, 'origin' | 'connection'>): Principal {
    const { table } = this.#keys;
    if (text.length > MAX_CHARACTERS) throw keyRefused('malformed');
    const key = table.find(text, connection);
    if (key === undefined) throw keyRefused(table.whyNot(text));
    if (key.origins !== undefined) {
      if (!this.#publishable) throw keyRefused('publishable');
      if (origin === undefined || !key.origins.includes(origin)) throw keyRefused('origin');
    }
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const holder = this.#make(key);
    this.#known.set(key, holder);
    return holder;
  }

  #make(key: KnownKey): Principal {
    if (key.clients?.includes(this.#client) === false) throw keyRefused('client');
    const plan = this.#keys.plans.get(key.plan, key.planVersion);
    if (plan === undefined) {
      throw new HemError('FORBIDDEN', {
        publicText: `The plan "${key.plan}" of this key is not known here any more.`,
        publicDetails: { plan: key.plan },
        internal: `no version ${key.planVersion} of the plan ${key.plan}`,
      });
    }
    if (!plan.settings.clients.includes(this.#client)) {
      throw new HemError('FORBIDDEN', {
        publicText: `The plan "${key.plan}" of this key does not grant the client "${this.#client}". It grants ${plan.settings.clients.join(', ')}.`,
        publicDetails: { plan: key.plan },
      });
    }
    const isSecret = key.origins === undefined;
    return Object.freeze({
      ...ANONYMOUS,
      kind: isSecret ? 'known' : 'anonymous',
      key,
      plan,
      scopes: isSecret ? new Set(plan.settings.scopes) : ANONYMOUS.scopes,
      expiresAt: key.expiresAt,
    });
  }
}

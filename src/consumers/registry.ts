/** Consumers, plans, subscriptions and keys of a gateway, opened on its store. */
import type { Logger } from 'pino';
import type { KeySettings } from '../load/settings/pepper-settings.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { ConfigurationError } from '../problems.ts';
import type { Store } from '../store/store.ts';
import { Consumers } from './consumers.ts';
import { Imports } from './imports.ts';
import { KeyRules } from './key-rules.ts';
import { Keys } from './keys.ts';
import type { KeyTable } from './known-key.ts';
import { Ledger } from './ledger.ts';
import { LiveKeys } from './live-keys.ts';
import { Peppers } from './peppers.ts';
import type { PlanMeanings } from './plan-meanings.ts';
import { type PlanChange, PlanVersions } from './plan-versions.ts';
import { Secrets } from './secrets.ts';
import { Subscriptions } from './subscriptions.ts';

/** Where the store was not there at the start, plans are compared with it once it is. */
const TRY_AGAIN_MS = 2000;

export interface Registry extends AsyncDisposable {
  readonly consumers: Consumers;
  readonly subscriptions: Subscriptions;
  readonly keys: Keys;
  readonly imports: Imports;
  readonly plans: PlanVersions;
  /** What requests are looked up in. */
  readonly table: KeyTable;
  /** Resolves once what other processes were told by now is known, or the store does not say so soon. Never rejects. */
  catchUp(): Promise<void>;
  /**
   * Makes the versions that clients/plans.yml asks for. Resolves after the first attempt; where the store is not there, others follow.
   * @param meanings undefined where the clients' schemas are not known: what versions exclude is then recorded by others
   */
  offer(file: ReadonlyMap<string, PlanSettings>, meanings?: PlanMeanings): Promise<void>;
}

export interface RegistryOptions {
  readonly store: Store;
  readonly settings: KeySettings;
  /** The configuration directory. */
  readonly root: string;
  readonly log: Logger;
  /** As `Date.now`. */
  readonly now?: () => number;
}

/** @throws {ConfigurationError} when its pepper is not the one that the keys in the store were made with; {HemError} when files can be neither read nor made */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { store, settings, root, log, now = Date.now } = options;
  const peppers = await Peppers.load(settings, root);
  const ledger = new Ledger(await store.records(), now);
  const secrets = new Secrets(ledger, peppers);
  const strangers = secrets.strangers();
  for (const version of strangers.filter((each) => peppers.isLeft(each))) peppers.distrust(version);
  refuseStrangers(strangers.filter((version) => !peppers.isLeft(version)));
  const missing = new MissingPeppers(secrets, log);
  missing.tell();
  // Where the store was not there, it is seen later: then nobody is told that a key is wrong that may be right.
  const stopWatching = ledger.records.onChange((changes) => {
    if (!changes.some(({ table }) => table === ledger.peppers.name)) return;
    missing.tell();
    const strangers = secrets.strangers();
    for (const version of strangers) peppers.distrust(version);
    const configured = strangers.filter((version) => !peppers.isLeft(version));
    if (configured.length > 0)
      log.error({ peppers: configured }, 'the keys in the store were made with other peppers');
  });
  const plans = new PlanVersions(ledger);
  const consumers = new Consumers(ledger, secrets);
  const subscriptions = new Subscriptions(ledger, { consumers, plans });
  const rules = new KeyRules(ledger, { consumers, plans, subscriptions });
  const keys = new Keys(ledger, { secrets, rules });
  const imports = new Imports(ledger, { secrets, rules });
  const table = new LiveKeys(ledger, { peppers, log });
  const offers = new Offers(plans, log);
  return {
    consumers,
    subscriptions,
    keys,
    imports,
    plans,
    table,
    catchUp: () => ledger.records.catchUp(),
    offer: (file, meanings) => offers.make(file, meanings),
    async [Symbol.asyncDispose]() {
      offers.stop();
      stopWatching();
      await table[Symbol.asyncDispose]();
    },
  };
}

/** Tells of each version once: at the start, or when another process begins with it. */
class MissingPeppers {
  readonly #secrets: Secrets;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(secrets: Secrets, log: Logger) {
    this.#secrets = secrets;
    this.#log = log;
  }

  tell(): void {
    const missing = this.#secrets.missing().filter((version) => !this.#told.has(version));
    if (missing.length === 0) return;
    for (const version of missing) this.#told.add(version);
    this.#log.error(
      { peppers: missing },
      'keys, or tokens of consumers, were made with peppers that are not configured: they cannot be recognised. Put them into keys.peppers in hem.yml; "own" is what .hem/pepper had on the machine that made them. "hem keys list" and "hem consumers list" say which have which',
    );
  }
}

/** Compares plans with the store, again and again until it is there. */
class Offers {
  readonly #plans: PlanVersions;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(plans: PlanVersions, log: Logger) {
    this.#plans = plans;
    this.#log = log;
  }

  async make(file: ReadonlyMap<string, PlanSettings>, meanings: PlanMeanings | undefined): Promise<void> {
    try {
      for (const change of await this.#plans.sync(file, meanings)) this.#log.info(change, describe(change));
      if (meanings !== undefined)
        for (const lost of this.#plans.lostSelectors(meanings))
          this.#log.warn(
            lost,
            'a selector of a plan means nothing any more. What it excluded stays excluded; to be rid of it, move the subscriptions to a newer version: "hem subscriptions move"',
          );
    } catch (error) {
      this.#log.warn({ err: error }, 'plans could not be compared with the store');
      if (!this.#isStopped)
        this.#timer = setTimeout(() => void this.make(file, meanings), TRY_AGAIN_MS).unref();
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}

function describe({ what }: PlanChange): string {
  switch (what) {
    case 'made':
      return 'a new version of a plan';
    case 'retired':
      return 'a plan is no longer offered';
    case 'back':
      return 'a plan is offered again';
  }
}

function refuseStrangers(versions: readonly string[]): void {
  if (versions.length === 0) return;
  throw new ConfigurationError(
    versions.map((version) => ({
      rule: 'keys-pepper',
      at: { file: 'hem.yml', line: 1, column: 1 },
      message: `The keys in the store were made with another pepper "${version}" than this machine has.`,
      expected: 'keys.peppers in hem.yml, the same on all machines that share the store',
      hint:
        version === 'own'
          ? 'copy .hem/pepper of the machine that made them, or put its content into keys.peppers.own'
          : 'a new pepper needs a new version; the one before stays beside it as long as keys of it count',
    })),
  );
}

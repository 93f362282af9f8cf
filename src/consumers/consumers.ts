/** Those who call by contract: a partner, a team, an application. */
import { makeKey, parseKey } from './key-format.ts';
import type { Consumer, KeptSecret, Ledger } from './ledger.ts';
import { conflict, notFound, unfit } from './refusals.ts';
import type { Secrets } from './secrets.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export interface ConsumerView {
  readonly name: string;
  readonly title: string | null;
  readonly createdAt: string;
  readonly suspendedAt: string | null;
  /** The version of the pepper that its token was hashed with; null where it has none. */
  readonly pepper: string | null;
}

export class Consumers {
  readonly #ledger: Ledger;
  readonly #secrets: Secrets;
  /** By the public part of their tokens; made anew after a change. */
  #byToken: ReadonlyMap<string, string> | undefined;

  constructor(ledger: Ledger, secrets: Secrets) {
    this.#ledger = ledger;
    this.#secrets = secrets;
    ledger.records.onChange((changes) => {
      if (changes.some(({ table }) => table === ledger.consumers.name)) this.#byToken = undefined;
    });
  }

  /** @returns the consumer and the token that it manages its keys with, which is told this once. @throws {HemError} BAD_REQUEST, CONFLICT */
  async create(name: string, title?: string): Promise<ConsumerView & { readonly token: string }> {
    checkName(name);
    const { consumers, now } = this.#ledger;
    const { id, text } = makeKey('portal');
    return this.#ledger.change(() => {
      if (consumers.get(name) !== undefined) throw conflict(`There is a consumer "${name}" already.`);
      const consumer: Consumer = {
        ...(title === undefined ? {} : { title }),
        createdAt: now(),
        portal: { id, ...this.#secrets.keep(text) },
      };
      const writes = [consumers.put(name, consumer), ...this.#secrets.vouch()];
      return { writes, result: { ...toView(name, consumer), token: text } };
    });
  }

  /** Makes it, without a token, where there is none of this name. @returns whether it was made. @throws {HemError} BAD_REQUEST */
  async ensure(name: string): Promise<boolean> {
    checkName(name);
    const { consumers, now } = this.#ledger;
    return this.#ledger.change(() =>
      consumers.get(name) === undefined
        ? { writes: [consumers.put(name, { createdAt: now() })], result: true }
        : { writes: [], result: false },
    );
  }

  /** A new token; the one before is none any more. */
  renewToken(name: string): Promise<{ readonly name: string; readonly token: string }> {
    const { id, text } = makeKey('portal');
    return this.#ledger.change(() => {
      const portal = { id, ...this.#secrets.keep(text) };
      const writes = [
        this.#ledger.consumers.put(name, { ...this.get(name), portal }),
        ...this.#secrets.vouch(),
      ];
      return { writes, result: { name, token: text } };
    });
  }

  /** While it is suspended none of its keys counts, nor its token. */
  setSuspended(name: string, suspended: boolean): Promise<ConsumerView> {
    return this.#ledger.change(() => {
      const { suspendedAt, ...consumer } = this.get(name);
      if ((suspendedAt !== undefined) === suspended)
        return { writes: [], result: toView(name, this.get(name)) };
      const changed: Consumer = suspended ? { ...consumer, suspendedAt: this.#ledger.now() } : consumer;
      return { writes: [this.#ledger.consumers.put(name, changed)], result: toView(name, changed) };
    });
  }

  list(): readonly ConsumerView[] {
    return this.#ledger.consumers
      .all()
      .map(([name, consumer]) => toView(name, consumer))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws {HemError} NOT_FOUND */
  show(name: string): ConsumerView {
    return toView(name, this.get(name));
  }

  /** @throws {HemError} NOT_FOUND */
  get(name: string): Consumer {
    const consumer = this.#ledger.consumers.get(name);
    if (consumer !== undefined) return consumer;
    throw notFound(
      'consumer',
      name,
      this.#ledger.consumers.all().map(([known]) => known),
    );
  }

  /** Whose token it is; undefined when it is nobody's. */
  ofToken(text: string): string | undefined {
    const named = this.#namedBy(text);
    return named !== undefined && this.#secrets.matches(named.portal, text) ? named.name : undefined;
  }

  /** Whether nobody here can say that it is nobody's: not all consumers are known, or the pepper of the one that it names is not there. */
  mayBeToken(text: string): boolean {
    if (parseKey(text)?.kind !== 'portal') return false;
    const named = this.#namedBy(text);
    return named === undefined ? !this.#ledger.records.isComplete : !this.#secrets.canTell(named.portal);
  }

  /** Whose token has this public part. */
  #namedBy(text: string): { readonly name: string; readonly portal: KeptSecret } | undefined {
    const parsed = parseKey(text);
    if (parsed?.kind !== 'portal') return undefined;
    this.#byToken ??= new Map(
      this.#ledger.consumers.all().map(([name, { portal }]) => [portal?.id ?? '', name]),
    );
    const name = this.#byToken.get(parsed.id);
    const portal = name === undefined ? undefined : this.#ledger.consumers.get(name)?.portal;
    return portal?.id === parsed.id ? { name: name!, portal } : undefined;
  }
}

/** @throws {HemError} BAD_REQUEST */
function checkName(name: string): void {
  if (!NAME.test(name))
    throw unfit(
      `A consumer is named in lower-case letters, digits, ".", "_" and "-", at most 63 of them; "${name.slice(0, 80)}" is not.`,
    );
}

function toView(name: string, { title, createdAt, suspendedAt, portal }: Consumer): ConsumerView {
  return {
    name,
    title: title ?? null,
    createdAt: new Date(createdAt).toISOString(),
    suspendedAt: suspendedAt === undefined ? null : new Date(suspendedAt).toISOString(),
    pepper: portal?.pepper ?? null,
  };
}

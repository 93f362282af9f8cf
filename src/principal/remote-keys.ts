/**
 * Keys that an issuer publishes at an address. One fetch at a time, and one per cool-down however many tokens name keys that are not
 * there; keys that were once fetched stay in use while the address does not answer. Whoever comes first after a long silence waits until it
 * is known whether they still count.
 */
import type { Logger } from 'pino';
import { Agent, request } from 'undici';
import { HemError } from '../errors.ts';
import { GatheredBytes } from '../gathered-bytes.ts';
import { type KeyLocation, publicKeys } from '../load/checks/auth.ts';
import { notValid } from './failures.ts';
import { KeySet, type KeySource, type VerifyingKey } from './key-source.ts';
import type { KeyName } from './token.ts';

const MAX_BYTES = 256 * 1024;

type Address = Extract<KeyLocation, { readonly at: 'address' }>;

export class RemoteKeys implements KeySource {
  readonly #address: Address;
  readonly #log: Logger;
  readonly #agent: Agent;
  #keys: KeySet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(address: Address, log: Logger) {
    this.#address = address;
    this.#log = log;
    this.#agent = new Agent({ connections: 1, pipelining: 1, connect: { timeout: address.timeoutMs } });
  }

  async keyFor(name: KeyName): Promise<VerifyingKey> {
    const { maxAgeMs } = this.#address;
    const now = performance.now();
    const isOld = now > this.#fetchedAt + maxAgeMs;
    const isForgotten = now > Math.max(this.#fetchedAt, this.#triedAt) + 2 * maxAgeMs;
    const known = await this.#keys?.find(name);
    if (known !== undefined && !isForgotten) {
      // Keys that were withdrawn have to go, too.
      if (isOld) void this.#refresh();
      return known;
    }
    await this.#refresh();
    if (this.#keys === undefined)
      throw new HemError('AUTH_UNAVAILABLE', { internal: `no keys from ${this.#address.url}` });
    const found = await this.#keys.find(name);
    if (found === undefined) throw notValid('key');
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  /** Resolves when it is over, well or not; at once where it is too early for another fetch. */
  #refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    const now = performance.now();
    if (now < this.#triedAt + this.#address.coolDownMs) return Promise.resolve();
    this.#triedAt = now;
    this.#fetching = this.#fetch()
      .catch((error: unknown) => {
        this.#log.warn({ err: error, url: this.#address.url }, 'key set not fetched');
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { statusCode, body } = await request(this.#address.url, {
      dispatcher: this.#agent,
      headers: { accept: 'application/jwk-set+json, application/json' },
      signal: AbortSignal.timeout(this.#address.timeoutMs),
    });
    const bytes = new GatheredBytes();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes.add(chunk);
      // Leaving the loop closes the body.
      if (bytes.length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    }
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    const keys = publicKeys(JSON.parse(bytes.take().toString('utf8')));
    if (keys === undefined) throw new Error('not a set of keys');
    this.#keys = new KeySet(keys);
    this.#fetchedAt = performance.now();
  }
}

/** Where the keys of an issuer come from. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import type { PublicKey } from '../load/checks/auth.ts';
import { notValid } from './failures.ts';
import type { KeyName } from './token.ts';

export type VerifyingKey = Awaited<ReturnType<LocalJWKSet>> | Uint8Array;

export interface KeySource extends AsyncDisposable {
  /** The one key that a token can be signed with. @throws {HemError} UNAUTHENTICATED when there is none, AUTH_UNAVAILABLE when nobody knows */
  keyFor(name: KeyName): Promise<VerifyingKey>;
}

/** For HMAC. */
export function secretKey(secret: string): KeySource {
  const key = new TextEncoder().encode(secret);
  return { keyFor: async () => key, [Symbol.asyncDispose]: async () => {} };
}

/** Keys that are at hand. */
export function keysAtHand(keys: readonly PublicKey[]): KeySource {
  const set = new KeySet(keys);
  return {
    async keyFor(name) {
      const key = await set.find(name);
      if (key === undefined) throw notValid('key');
      return key;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** One state of an issuer's keys. */
export class KeySet {
  readonly #set: LocalJWKSet;

  constructor(keys: readonly PublicKey[]) {
    this.#set = createLocalJWKSet({ keys } as unknown as JSONWebKeySet);
  }

  /** Undefined when there is none. @throws {Unauthenticated} when it could be several, or one that cannot be used */
  async find({ alg, kid }: KeyName): Promise<VerifyingKey | undefined> {
    try {
      return await this.#set(kid === undefined ? { alg } : { alg, kid });
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw notValid(error instanceof errors.JWKSMultipleMatchingKeys ? 'which key' : 'key', String(error));
    }
  }
}

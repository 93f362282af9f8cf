/** Where the keys are that tokens are signed with. */
import type { Logger } from 'pino';
import type { KeyLocation } from '../load/checks/auth.ts';
import { type KeySource, keysAtHand, secretKey } from './key-source.ts';
import { RemoteKeys } from './remote-keys.ts';

/** The keys of all issuers of a gateway: clients with one issuer share what was fetched. */
export class Keyring implements AsyncDisposable {
  readonly #sources = new Map<string, KeySource>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  get(location: KeyLocation): KeySource {
    const id = JSON.stringify(location);
    const known = this.#sources.get(id);
    if (known !== undefined) return known;
    const source = this.#open(location);
    this.#sources.set(id, source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#sources.values()].map((source) => source[Symbol.asyncDispose]()));
  }

  #open(location: KeyLocation): KeySource {
    switch (location.at) {
      case 'address':
        return new RemoteKeys(location, this.#log);
      case 'hand':
        return keysAtHand(location.keys);
      case 'secret':
        return secretKey(location.secret);
    }
  }
}

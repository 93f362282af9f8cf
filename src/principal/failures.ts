/** Why a caller is not let in. */
import type { KeyRefusal } from '../consumers/known-key.ts';
import { HemError } from '../errors.ts';
import type { ClientAuth } from '../load/auth.ts';

/** Nobody is known, and somebody has to be. */
export class Unauthenticated extends HemError {
  /** What RFC 6750 calls it, or the like for keys; undefined where a credential is missing. */
  readonly error: 'invalid_token' | 'invalid_key' | undefined;

  constructor(publicText: string, error?: 'invalid_token' | 'invalid_key', internal?: string) {
    super('UNAUTHENTICATED', { publicText, internal: internal ?? publicText });
    this.name = 'Unauthenticated';
    this.error = error;
  }
}

export const NO_CERTIFICATE =
  'This client needs a client certificate, of those that it lets in, that is not out of date.';
export const EXPIRED = 'The token has expired: send a new one.';
export const KEY_ENDED =
  'The key was revoked or has expired, or its plan has changed: connect again with a key that counts.';

/** One text for many reasons: which of them it was is for the log, not for who tries. */
export function notValid(reason: string): Unauthenticated {
  return new Unauthenticated(
    'The token is not valid here: it has to be signed by a known issuer, for this client, and not be out of date.',
    'invalid_token',
    reason,
  );
}

const KEY_TEXTS = {
  malformed: 'This is no key: send it whole, as it was shown when it was made.',
  // Whether there is a key of this name nobody learns who does not have it.
  unknown: 'There is no such key: its name or its secret is wrong.',
  revoked: 'The key was revoked: use another one.',
  expired: 'The key has expired: make a new one.',
  rotated: 'The key was rotated, and its time is over: send the one that was made in its place.',
  cancelled: 'The subscription of this key was cancelled: none of its keys counts any more.',
  suspended: 'The key does not count at present: who it belongs to is suspended.',
  'two keys': 'Two different keys came along: send one.',
  client: 'The key is not for this client.',
  publishable: 'This client takes no keys that stand in web pages: send a secret one.',
  origin:
    'The key counts only from the web pages it was made for: the Origin header has to name one of them.',
} as const satisfies Record<Exclude<KeyRefusal, 'unavailable'> | string, string>;

/** One text per reason: what each tells is known already to who has the key. */
export function keyRefused(reason: keyof typeof KEY_TEXTS | 'unavailable'): HemError {
  if (reason === 'unavailable') return new HemError('AUTH_UNAVAILABLE', { internal: 'keys cannot be read' });
  return new Unauthenticated(KEY_TEXTS[reason], 'invalid_key', `key refused: ${reason}`);
}

/** `a token as "Authorization: Bearer …", or a key as "x-api-key: …"`: what a client takes. */
export function waysIn({ jwt, keys }: Pick<ClientAuth, 'jwt' | 'keys'>): string {
  const token = jwt === undefined ? [] : ['a token as "Authorization: Bearer …"'];
  const key = keys === undefined ? [] : [`a key as "${keys.header}: …"`];
  return [...token, ...key].join(', or ') || 'a client certificate';
}

/** What every caller of a client has to send, and this one did not. */
export function missing(auth: ClientAuth): Unauthenticated {
  const { jwt, keys } = auth;
  if (jwt === undefined && keys === undefined) return new Unauthenticated(NO_CERTIFICATE);
  const both = jwt?.required === true && keys?.required === true;
  const needed =
    jwt?.required === true || keys?.required === true
      ? waysIn({
          jwt: jwt?.required === true ? jwt : undefined,
          keys: keys?.required === true ? keys : undefined,
        })
      : waysIn(auth);
  return new Unauthenticated(
    `This client needs credentials: send ${both ? needed.replace(', or ', ', and ') : needed}.`,
  );
}

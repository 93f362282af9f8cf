/** Why a caller is not let in. */
import type { KeyRefusal } from '../consumers/known-key.ts';
import { HemError } from '../errors.ts';
import type { ClientAuth } from '../load/checks/auth.ts';
import type { Credentials } from './credentials.ts';

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

/** Of a token that is not valid. What they tell of it stands in the token itself, for everybody who has it to read. */
const TOKEN_TEXTS = {
  empty: 'There is no token: "Authorization: Bearer" has nothing after it.',
  'two cookies': 'Several cookies have the name of the one that carries the token: send one.',
  long: 'The token is longer than this client takes.',
  malformed: 'This is no token: a JWT has three parts in base64url, with a dot between one and the next.',
  issuer: 'The token is from an issuer ("iss") that this client does not know.',
  algorithm: 'The token is signed with an algorithm ("alg") that its issuer does not use here.',
  critical: 'The token has extensions that would have to be understood ("crit"), and nobody here does.',
  audience: 'The token is for somebody else: its audience ("aud") is not this client\'s.',
  'without end': 'The token never expires: "exp" has to be there, as a number.',
  'not yet': 'The token is not valid yet: see "nbf", and the clocks of both sides.',
  claim: 'One of the token\'s own claims ("iss", "aud", "exp", "nbf", "iat") is not what it has to be.',
  key: 'The token is signed with a key that its issuer does not publish: get a new one.',
  'which key':
    'The token does not say which key of its issuer it is signed with ("kid"), and there are several.',
  signature: 'The signature of the token is wrong: it was changed, or signed with another key.',
} as const;

/** Why a token is not valid. @param internal more about it, for the log */
export function notValid(reason: keyof typeof TOKEN_TEXTS, internal = ''): Unauthenticated {
  return new Unauthenticated(
    TOKEN_TEXTS[reason],
    'invalid_token',
    `token refused: ${reason}${internal && `: ${internal}`}`,
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
export function missing(
  auth: ClientAuth,
  { token, key }: Pick<Credentials, 'token' | 'key'>,
): Unauthenticated {
  const { jwt, keys } = auth;
  if (jwt === undefined && keys === undefined) return new Unauthenticated(NO_CERTIFICATE);
  const lacking = [
    ...(jwt?.required === true && token === undefined ? [waysIn({ jwt, keys: undefined })] : []),
    ...(keys?.required === true && key === undefined ? [waysIn({ jwt: undefined, keys })] : []),
  ];
  const needed = lacking.length === 0 ? waysIn(auth) : lacking.join(', and ');
  const hasOther = (jwt !== undefined && token !== undefined) || (keys !== undefined && key !== undefined);
  return new Unauthenticated(
    hasOther ? `This client needs ${needed}, too.` : `This client needs credentials: send ${needed}.`,
  );
}

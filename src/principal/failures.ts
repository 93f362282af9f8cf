/** Why a caller is not let in. */
import { HemError } from '../errors.ts';

/** Nobody is known, and somebody has to be. */
export class Unauthenticated extends HemError {
  /** What RFC 6750 calls it; undefined without any credential. */
  readonly error: 'invalid_token' | undefined;

  constructor(publicText: string, error?: 'invalid_token', internal?: string) {
    super('UNAUTHENTICATED', { publicText, internal: internal ?? publicText });
    this.name = 'Unauthenticated';
    this.error = error;
  }
}

export const NO_TOKEN = 'This client needs credentials: send a token as "Authorization: Bearer …".';
export const NO_CERTIFICATE =
  'This client needs a client certificate, of those that it lets in, that is not out of date.';
export const EXPIRED = 'The token has expired: send a new one.';

/** One text for many reasons: which of them it was is for the log, not for who tries. */
export function notValid(reason: string): Unauthenticated {
  return new Unauthenticated(
    'The token is not valid here: it has to be signed by a known issuer, for this client, and not be out of date.',
    'invalid_token',
    reason,
  );
}

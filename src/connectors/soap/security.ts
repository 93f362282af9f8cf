/** The WS-Security header: a username token, made by the `soap` package. */
import { ENVELOPE_PREFIX } from './envelope.ts';
import type { SoapOptions } from './options.ts';

/** The header's XML, made anew for each message: nonce and time differ. */
export type SecurityHeader = () => string;

export async function openSecurity(security: SoapOptions['security']): Promise<SecurityHeader | undefined> {
  if (security === undefined) return undefined;
  const { usernameToken, timestamp, mustUnderstand } = security;
  // Loaded only by those who need it: the package brings 35 MB along.
  const { WSSecurity } = await import('soap');
  const token = new WSSecurity(usernameToken.username, usernameToken.password, {
    passwordType: usernameToken.passwordType === 'digest' ? 'PasswordDigest' : 'PasswordText',
    hasTimeStamp: timestamp,
    mustUnderstand,
    envelopeKey: ENVELOPE_PREFIX,
  });
  return () => token.toXML();
}

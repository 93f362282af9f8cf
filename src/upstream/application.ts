/** Which application calls, in one word that no user and no other kind of application can have by chance. */
import type { CallerIdentity } from '../call-context.ts';

export function applicationOf({ key, peer }: Pick<CallerIdentity, 'key' | 'peer'>): string | undefined {
  if (key !== undefined) return `consumer:${key.consumer}`;
  if (peer === undefined) return undefined;
  const { spiffeId, subject, dnsNames, fingerprint } = peer;
  if (spiffeId !== undefined) return spiffeId;
  if (subject !== undefined) return `subject:${subject}`;
  return dnsNames[0] === undefined ? `sha256:${fingerprint}` : `dns:${dnsNames[0]}`;
}

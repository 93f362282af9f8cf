/** Who is known at one client by a certificate alone. */
import type { Certificates } from '../load/checks/certificates.ts';
import { type Peer, scopesOfPeer } from './peer.ts';
import { ANONYMOUS, type Principal } from './principal.ts';

export interface CertificateHolders {
  /** Undefined for a certificate that does not count here, or no longer. */
  find(peer: Peer): Principal | undefined;
}

/** @param plan of callers without a key */
export function holdersOf(certificates: Certificates, plan: Principal['plan']): CertificateHolders {
  /** Null for those that do not count. A peer lives as long as its connection. */
  const known = new WeakMap<Peer, Principal | null>();
  const make = (peer: Peer): Principal | null => {
    const scopes = scopesOfPeer(peer, certificates);
    if (scopes === undefined) return null;
    const { claims } = ANONYMOUS;
    return Object.freeze({ kind: 'known', peer, plan, claims, scopes, expiresAt: peer.expiresAt });
  };
  return {
    find(peer) {
      let holder = known.get(peer);
      if (holder === undefined) {
        holder = make(peer);
        known.set(peer, holder);
      }
      return holder === null || holder.expiresAt <= Date.now() ? undefined : holder;
    },
  };
}

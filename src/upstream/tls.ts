/** TLS as Node's sockets want it. */
import type { CommonSettings } from '../connectors/settings.ts';

export interface TlsOptions {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername?: string;
  /** An authority that another one has signed is one all the same. */
  readonly allowPartialTrustChain: boolean;
}

export function toTlsOptions(tls: CommonSettings['tls']): TlsOptions {
  return {
    ca: tls?.ca,
    cert: tls?.certificate,
    key: tls?.key,
    allowPartialTrustChain: tls?.ca !== undefined,
    // Present, even as undefined, it would keep some libraries from naming the host.
    ...(tls?.serverName !== undefined && { servername: tls.serverName }),
  };
}

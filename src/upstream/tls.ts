/** TLS as Node's sockets want it. */
import type { CommonSettings } from '../connectors/settings.ts';

export interface TlsOptions {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername?: string;
}

export function toTlsOptions(tls: CommonSettings['tls']): TlsOptions {
  return {
    ca: tls?.ca,
    cert: tls?.certificate,
    key: tls?.key,
    // Present, even as undefined, it would keep some libraries from naming the host.
    ...(tls?.serverName !== undefined && { servername: tls.serverName }),
  };
}

/**
 * Servers of node:http and node:https. An import of these modules asks for everything that they export, and among that is WebSocket,
 * whose first mention loads Node's own fetch: 16 MB and 45 ms.
 */
import type { Server, ServerOptions } from 'node:http';
import type { TlsSettings } from '../load/settings/listener-settings.ts';
import { BodyMessage } from './body-message.ts';

export type HttpServer = Server<typeof BodyMessage>;

/** With TLS where there are settings of it. */
export function openServer(tls: TlsSettings | undefined, given: ServerOptions): HttpServer {
  const options = { ...given, IncomingMessage: BodyMessage };
  if (tls === undefined) return process.getBuiltinModule('node:http').createServer(options);
  const { certificate, key, clientCa, requestClientCertificate = clientCa !== undefined } = tls;
  const { createServer: createTlsServer } = process.getBuiltinModule('node:https');
  return createTlsServer({
    ...options,
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // Node waits for two minutes.
    handshakeTimeout: options.headersTimeout,
    // Whether there has to be one, and which, is up to each client: the handshake only asks.
    requestCert: requestClientCertificate,
    rejectUnauthorized: false,
    // Never the authorities that the machine trusts for the web: they vouch for anybody.
    ca: clientCa ?? [],
  });
}

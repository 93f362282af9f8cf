/** Callers of the vault who are known by a certificate alone, of which the sidecar before the gateway tells. */
import type { TestGateway } from '../support/gateway.ts';
import { startSidecar } from './sidecar.ts';

/** What they may do in the words of the matrix. */
export const CERTIFICATE_CALLERS = {
  'by certificate': { scopes: [], valid: true },
  'by certificate, with scopes': { scopes: ['a', 'b'], valid: true },
} as const;

type CertificateCaller = keyof typeof CERTIFICATE_CALLERS;

const ELEMENTS: Readonly<Record<CertificateCaller, string>> = {
  'by certificate': 'By=spiffe://prod.example/hem;URI=spiffe://prod.example/ns/shop/sa/web',
  'by certificate, with scopes': 'By=spiffe://prod.example/hem;URI=spiffe://prod.example/ns/vault/sa/keeper',
};

/** In hem.yml. */
export const TRUSTED_PROXIES = { addresses: ['127.0.0.1'], headers: ['x-forwarded-client-cert'] };
/** Under `auth` of client.yml. */
export const CERTIFICATES = {
  trustDomains: ['prod.example'],
  scopes: { 'spiffe://prod.example/ns/vault/*': ['a', 'b'] },
};

export interface CertificateDoors extends AsyncDisposable {
  /** The gateway as a caller meets it who comes through a sidecar; the gateway itself for others. */
  gatewayFor(caller: string): TestGateway;
}

export async function openCertificateDoors(gateway: TestGateway): Promise<CertificateDoors> {
  await using started = new AsyncDisposableStack();
  const gateways = new Map<string, TestGateway>();
  for (const [caller, element] of Object.entries(ELEMENTS)) {
    const { url } = started.use(await startSidecar(gateway.url, element));
    gateways.set(caller, { ...gateway, url, fetch: (path, init) => fetch(url + path, init) });
  }
  const everything = started.move();
  return {
    gatewayFor: (caller) => gateways.get(caller) ?? gateway,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

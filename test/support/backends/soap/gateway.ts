/** A gateway with one SOAP connector whose whole schema a client sees. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, print, visit } from 'graphql';
import { startGateway, type TestGateway } from '../../gateway.ts';

export const SOAP_FOLDER = import.meta.dirname;

export interface SoapGatewayOptions {
  /** The endpoint. */
  readonly url: string;
  /** The connector's schema.graphql. */
  readonly schema: string;
  /** Lines of connector.yml besides kind, endpoint and wsdl. */
  readonly settings?: string;
  /** Vendored files by path; the first is the WSDL. Default: the invoices. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Default: the first of the files. */
  readonly wsdl?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const INVOICES: Readonly<Record<string, Buffer>> = vendored(SOAP_FOLDER, [
  'invoices.wsdl',
  'types/money.xsd',
  'types/parties.xsd',
]);

/** Files below a folder, as they are. */
export function vendored(folder: string, paths: readonly string[]): Record<string, Buffer> {
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path))]));
}

/** The client is "web", the connector "billing". */
export function startSoapGateway({
  url,
  schema,
  settings = '',
  files = INVOICES,
  wsdl = Object.keys(files)[0],
  env = {},
}: SoapGatewayOptions): Promise<TestGateway> {
  return startGateway({
    files: {
      'connectors/billing/connector.yml': `kind: soap\nendpoint: \${env:BILLING_URL}\nwsdl: ${wsdl}\n${settings}`,
      'connectors/billing/schema.graphql': schema,
      ...Object.fromEntries(
        Object.entries(files).map(([path, text]) => [`connectors/billing/${path}`, text]),
      ),
      'schemas/web.graphql': toView(schema),
      'clients/web/client.yml': '{}',
    },
    env: { BILLING_URL: url, ...env },
  });
}

/** The same types without what is the connector's affair. */
function toView(schema: string): string {
  return print(visit(parse(schema), { Directive: () => null }));
}

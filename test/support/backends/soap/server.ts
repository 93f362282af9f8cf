/** SOAP servers for tests: made by the `soap` package from a WSDL, or answering given texts. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type IServices, listen, type Server as SoapServer } from 'soap';

/** What reached the server. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface SoapBackend extends AsyncDisposable {
  /** Where to call it. */
  readonly url: string;
  readonly origin: string;
  readonly seen: SeenRequest[];
}

export interface WsdlServerOptions {
  readonly version?: '1.1' | '1.2';
  /** Path below which it listens. The package picks the port by it. */
  readonly path: string;
  readonly services: IServices;
  /** Called for each message; false refuses it. */
  readonly authenticate?: (security: unknown) => boolean;
}

/** A server that the `soap` package makes from a WSDL file. */
export async function startWsdlServer(file: string, options: WsdlServerOptions): Promise<SoapBackend> {
  const { path, services, version = '1.1', authenticate } = options;
  const seen: SeenRequest[] = [];
  const http = createServer((_request, response) => response.writeHead(404).end());
  await ready(http);
  const soap = await new Promise<SoapServer>((resolve, reject) => {
    const server: SoapServer = listen(http, {
      path,
      services,
      xml: readFileSync(file, 'utf8'),
      uri: file,
      forceSoap12Headers: version === '1.2',
      handleNilAsNull: true,
      callback: (error: unknown) => (error ? reject(error) : resolve(server)),
    });
  });
  soap.log = (type, data, request) => {
    if (type !== 'received') return;
    seen.push({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: String(data),
    });
  };
  if (authenticate !== undefined) soap.authenticate = authenticate;
  return toBackend(http, path, seen);
}

export interface GivenAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** A server that answers what it is given, for messages that no library would write. */
export async function startTextServer(
  answer: (request: SeenRequest) => GivenAnswer | string | Promise<GivenAnswer | string>,
): Promise<SoapBackend> {
  const seen: SeenRequest[] = [];
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one: SeenRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    seen.push(one);
    const given = await answer(one);
    const { status = 200, headers, body } = typeof given === 'string' ? { body: given } : given;
    response.writeHead(status, { 'content-type': 'text/xml; charset=utf-8', ...headers }).end(body);
  });
  await ready(http);
  return toBackend(http, '/', seen);
}

export function envelope(body: string, version: '1.1' | '1.2' = '1.1'): string {
  const namespace =
    version === '1.1'
      ? 'http://schemas.xmlsoap.org/soap/envelope/'
      : 'http://www.w3.org/2003/05/soap-envelope';
  return `<?xml version="1.0"?><e:Envelope xmlns:e="${namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>${body}</e:Body></e:Envelope>`;
}

function ready(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
}

function toBackend(server: Server, path: string, seen: SeenRequest[]): SoapBackend {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: origin + path,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

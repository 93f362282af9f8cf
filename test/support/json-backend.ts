/** An HTTP backend that answers JSON, for tests of what the gateway makes of answers. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface JsonRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  readonly body: any;
}

export interface JsonBackend extends AsyncDisposable {
  readonly url: string;
  /** What was asked, as `GET /things/1?a=b`. */
  readonly requests: string[];
}

/** How to answer with another status than 200. */
export class Refusal {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown = { error: 'refused' }) {
    this.status = status;
    this.body = body;
  }
}

/** An answer with headers of its own. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[]>>;

  /** @param headers several texts are several lines */
  constructor(body: unknown, headers: Readonly<Record<string, string | string[]>>, status = 200) {
    this.body = body;
    this.headers = headers;
    this.status = status;
  }
}

/** @param answer gives the body, now or later, or a {@link Refusal} or a {@link Reply}; undefined is a 404. Text that begins with "raw:" is sent as it is */
export async function startJsonBackend(answer: (request: JsonRequest) => unknown): Promise<JsonBackend> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://backend');
    const text = await bodyOf(request);
    requests.push(`${request.method} ${request.url}`);
    const given = await answer({
      method: request.method!,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    });
    const { status, body } =
      given instanceof Refusal || given instanceof Reply
        ? given
        : given === undefined
          ? new Refusal(404)
          : { status: 200, body: given };
    const own = given instanceof Reply ? given.headers : {};
    response.writeHead(status, { 'content-type': 'application/json', ...own });
    if (body === undefined) response.end();
    else
      response.end(
        typeof body === 'string' && body.startsWith('raw:') ? body.slice(4) : JSON.stringify(body),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

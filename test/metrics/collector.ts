/** A collector of traces: what arrives over OTLP/HTTP as JSON, as spans. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>;
  readonly failed: boolean;
  readonly service: unknown;
}

export class Collector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = [];
  headers: IncomingHttpHeaders = {};
  /** Instead of 200. */
  status = 200;
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.headers = request.headers;
    if (this.status === 200) this.#take(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
  });

  static async start(): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  /** The spans of a request, once its own is there. */
  async of(requestId: string): Promise<readonly CollectedSpan[]> {
    for (let times = 0; times < 400; times++) {
      const root = this.spans.find(({ attributes }) => attributes['hem.request_id'] === requestId);
      if (root !== undefined) return this.spans.filter(({ traceId }) => traceId === root.traceId);
      await sleep(25);
    }
    throw new Error(`no span of ${requestId} among ${JSON.stringify(this.spans)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  // biome-ignore lint/suspicious/noExplicitAny: as it came
  #take({ resourceSpans }: any): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = toObject(resource.attributes)['service.name'];
      for (const { spans } of scopeSpans)
        for (const { links = [], attributes = [], status = {}, ...span } of spans)
          this.spans.push({
            ...span,
            links,
            attributes: toObject(attributes),
            failed: status.code === 2,
            service,
          });
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as it came
function toObject(attributes: any[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

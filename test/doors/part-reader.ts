/** Reads an answer in parts from a real connection, part by part, as they come. */

import type { TestGateway } from '../support/gateway.ts';
import type { ReceivedPart } from '../support/merge-parts.ts';

export const CURRENT = 'multipart/mixed;incrementalSpec=v0.2';

export interface Asking {
  readonly accept?: string;
  readonly variables?: Record<string, unknown>;
  readonly method?: 'GET' | 'POST';
  readonly contentType?: string;
  readonly client?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export class PartReader {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';
  #begun = false;

  private constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.getReader();
  }

  static async open(gateway: TestGateway, query: string, asking: Asking = {}): Promise<PartReader> {
    const { accept = CURRENT, variables, method = 'POST', client = 'web', headers, signal } = asking;
    const { contentType = 'application/json' } = asking;
    const search = new URLSearchParams({ query, ...(variables && { variables: JSON.stringify(variables) }) });
    const response = await gateway.fetch(`/${client}/graphql${method === 'GET' ? `?${search}` : ''}`, {
      method,
      headers: { accept, ...(method === 'GET' ? {} : { 'content-type': contentType }), ...headers },
      body: method === 'GET' ? null : JSON.stringify({ query, variables }),
      signal: signal ?? null,
    });
    return new PartReader(response);
  }

  get contentType(): string {
    return this.response.headers.get('content-type') ?? '';
  }

  /** Undefined after the last. @throws when the end is not as the media type wants it */
  next(): Promise<ReceivedPart | undefined> {
    if (this.contentType.startsWith('multipart/mixed')) return this.#nextOfMultipart();
    return this.contentType === 'text/event-stream' ? this.#nextEvent() : this.#whole();
  }

  async rest(): Promise<readonly ReceivedPart[]> {
    const parts: ReceivedPart[] = [];
    for (let part = await this.next(); part !== undefined; part = await this.next()) parts.push(part);
    return parts;
  }

  async #nextOfMultipart(): Promise<ReceivedPart | undefined> {
    const delimiter = '\r\n---';
    if (!this.#begun && (await this.#until(delimiter)) !== '')
      throw new Error('something is before the first part');
    this.#begun = true;
    while (this.#text.length < 2) if (!(await this.#more())) throw new Error('the multipart body has no end');
    if (this.#text.startsWith('--')) return this.#atEnd('--\r\n');
    const [head = '', ...body] = ((await this.#until(delimiter)) ?? '').split('\r\n\r\n');
    if (head !== '\r\ncontent-type: application/json; charset=utf-8')
      throw new Error(`strange head: ${head}`);
    return JSON.parse(body.join('\r\n\r\n')) as ReceivedPart;
  }

  async #nextEvent(): Promise<ReceivedPart | undefined> {
    for (;;) {
      const block = await this.#until('\n\n');
      if (block === undefined) throw new Error('the event stream has no end');
      if (block.startsWith(':')) continue;
      if (block === 'event: complete\ndata:') return this.#atEnd('');
      const [, json] = /^event: next\ndata: ([^\r\n]*)$/.exec(block) ?? [];
      if (json === undefined) throw new Error(`strange event: ${block}`);
      return JSON.parse(json) as ReceivedPart;
    }
  }

  async #whole(): Promise<ReceivedPart | undefined> {
    while (await this.#more());
    const text = this.#text;
    this.#text = '';
    return text === '' ? undefined : (JSON.parse(text) as ReceivedPart);
  }

  async #atEnd(expected: string): Promise<undefined> {
    while (await this.#more());
    if (this.#text !== expected) throw new Error(`strange end: ${this.#text}`);
  }

  async #until(end: string): Promise<string | undefined> {
    let at = this.#text.indexOf(end);
    while (at === -1) {
      if (!(await this.#more())) return undefined;
      at = this.#text.indexOf(end);
    }
    const block = this.#text.slice(0, at);
    this.#text = this.#text.slice(at + end.length);
    return block;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (!done) this.#text += this.#decoder.decode(value, { stream: true });
    return !done;
  }
}

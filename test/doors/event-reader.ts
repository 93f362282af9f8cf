/** Reads server-sent events of a subscription. */
import type { GraphQLBody, TestGateway } from '../support/gateway.ts';

export interface SentEvent {
  readonly event: string;
  readonly data: GraphQLBody | undefined;
}

export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly response: Response;
  #text = '';

  constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.getReader();
  }

  static async open(gateway: TestGateway, query: string, signal?: AbortSignal): Promise<EventReader> {
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: signal ?? null,
    });
    return new EventReader(response);
  }

  static of(response: Response): EventReader {
    return new EventReader(response);
  }

  /** Undefined at the end of the stream. */
  async next(): Promise<SentEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end !== -1) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        // Comments keep the connection alive.
        if (!block.startsWith(':')) return parseEvent(block);
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** All events until the end. */
  async rest(): Promise<readonly SentEvent[]> {
    const events: SentEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) events.push(event);
    return events;
  }
}

function parseEvent(block: string): SentEvent {
  const field = (name: string) =>
    block
      .split('\n')
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trimStart())
      .join('\n');
  const data = field('data');
  return { event: field('event'), data: data === '' ? undefined : JSON.parse(data) };
}

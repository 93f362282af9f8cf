/** The text/event-stream format (HTML, 9.2.6), read piece by piece. */

export interface ServerSentEvent {
  /** "message" when the stream does not say. */
  readonly event: string;
  readonly data: string;
}

export class EventTooLarge extends Error {}

export class EventStreamReader {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder();
  /** The line that is not complete yet. */
  #rest = '';
  /** Its last character may be half of "\r\n". */
  #endsInReturn = false;
  #event = '';
  #data: string[] = [];
  #dataLength = 0;

  /** @param maxLength of one event, in UTF-16 units */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** @throws {EventTooLarge} */
  read(chunk: Uint8Array): readonly ServerSentEvent[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const events: ServerSentEvent[] = [];
    // A line may come one character at a time: it is looked at as a whole when it ends.
    const hasEnd = this.#endsInReturn || /[\r\n]/.test(text);
    this.#rest += text;
    if (hasEnd) this.#lines(events);
    if (this.#rest.length + this.#dataLength > this.#maxLength) {
      throw new EventTooLarge(`an event of more than ${this.#maxLength} characters`);
    }
    return events;
  }

  #lines(events: ServerSentEvent[]): void {
    let start = 0;
    const lineEnd = /\r\n|\r|\n/g;
    this.#endsInReturn = false;
    for (let match = lineEnd.exec(this.#rest); match !== null; match = lineEnd.exec(this.#rest)) {
      if (match[0] === '\r' && lineEnd.lastIndex === this.#rest.length) {
        this.#endsInReturn = true;
        break;
      }
      const event = this.#line(this.#rest.slice(start, match.index));
      if (event !== undefined) events.push(event);
      start = lineEnd.lastIndex;
    }
    this.#rest = this.#rest.slice(start);
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#event = value;
    else if (field === 'data') {
      this.#data.push(value);
      this.#dataLength += value.length + 1;
    }
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    // Without an event's name or data it was a comment, or nothing.
    const event =
      this.#event === '' && this.#data.length === 0
        ? undefined
        : { event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n') };
    this.#event = '';
    this.#data = [];
    this.#dataLength = 0;
    return event;
  }
}

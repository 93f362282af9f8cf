/** How a reply says that it is an error. */
import type { Message } from 'amqplib';
import type { UpstreamError } from '../../errors.ts';
import { codeIn, type ErrorCodes } from '../../upstream/codes.ts';
import type { AmqpOptions } from './options.ts';

export class ErrorReplies {
  readonly #settings: AmqpOptions['errorReplies'];
  readonly #codes: ErrorCodes;

  constructor(settings: AmqpOptions['errorReplies'], codes: ErrorCodes) {
    this.#settings = settings;
    this.#codes = codes;
  }

  isError(reply: Message): boolean {
    return reply.properties.type === this.#settings.type || this.#header(reply) !== undefined;
  }

  /** `body` is the reply's content once read. */
  toError(reply: Message, body: unknown): UpstreamError {
    const code =
      this.#header(reply) ?? (typeof body === 'object' && body !== null ? codeIn(body) : undefined);
    return this.#codes.toError(code, 'rejected', { detail: body });
  }

  #header({ properties: { headers } }: Message): unknown {
    const { header } = this.#settings;
    return headers !== undefined && Object.hasOwn(headers, header) ? headers[header] : undefined;
  }
}

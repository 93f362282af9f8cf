/** The ways in which a client is refused: an exception closes the channel or, if it is a grave one, the connection. */

/** Reply codes of AMQP 0-9-1, and which of them end the whole connection. */
const CODES = {
  NO_ROUTE: 312,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const;

export type ExceptionName = keyof typeof CODES;

export class AmqpException extends Error {
  readonly code: number;
  /** As RabbitMQ writes it: "NOT_FOUND - no queue 'x' in vhost '/'". At most 255 bytes. */
  readonly replyText: string;
  readonly closesConnection: boolean;

  constructor(name: ExceptionName, text: string, scope?: 'connection') {
    super(text);
    this.name = name;
    this.code = CODES[name];
    this.replyText = `${name} - ${text}`.slice(0, 80 * 3).replace(/[^\x20-\x7e]/g, '?');
    this.closesConnection = scope === 'connection' || this.code >= 500;
  }
}

/** RabbitMQ writes names of things like this. */
export function inHost(kind: 'queue' | 'exchange', name: string): string {
  return `${kind} '${name}' in vhost '/'`;
}

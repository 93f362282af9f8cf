import { z } from 'zod';
import { duration } from '../../units.ts';
import { codes } from '../../upstream/codes.ts';
import { reconnect } from '../../upstream/reconnect.ts';
import { cache, dedupe } from '../../upstream/sharing-settings.ts';

export const options = z.strictObject({
  /** PLAIN sends a name and a password (or a token as password); EXTERNAL lets the broker read the client certificate. */
  login: z.enum(['PLAIN', 'EXTERNAL']).default('PLAIN'),
  /** How often both sides say that they live; after two silent intervals a connection counts as lost. Whole seconds. */
  heartbeat: duration.default(10_000).refine((ms) => ms >= 1000 && ms % 1000 === 0 && ms <= 600_000, {
    error: 'whole seconds, from "1s" to "600s"',
  }),
  /** Events of one subscribed queue that may be under way unacknowledged. */
  prefetch: z.int().min(1).max(10_000).default(50),
  reconnect: reconnect(100, 30_000),
  /** Queues for subscriptions. */
  queues: z
    .strictObject({
      /** Distinct bindings subscribed to at one time. */
      max: z.int().min(1).max(2000).default(1000),
      /** Messages that the broker keeps for one of them; the oldest give way. */
      length: z.int().min(1).max(10_000_000).default(100_000),
      /** Where the broker sends events that Hem rejects. Without it they are discarded. */
      deadLetterExchange: z.string().min(1).max(127).optional(),
      /** How many times an event that cannot be read may come back from there before it is dropped. */
      returns: z.int().min(0).max(1000).default(5),
    })
    .default({ max: 1000, length: 100_000, returns: 5 }),
  /** How far one subscriber may lag behind. */
  subscriber: z
    .strictObject({
      buffer: z.int().min(1).max(10_000).default(100),
      /** How long more may wait than fits into the buffer while its reader reads nothing. */
      patience: duration.default(5000),
    })
    .default({ buffer: 100, patience: 5000 })
    .transform(({ buffer, patience }) => ({ buffer, patienceMs: patience })),
  /** How a reply says that it is an error. */
  errorReplies: z
    .strictObject({
      /** Value of the message property `type`. */
      type: z.string().min(1).max(255).default('error'),
      /** Name of the message header that carries the code. */
      header: z.string().min(1).max(255).default('error-code'),
    })
    .default({ type: 'error', header: 'error-code' }),
  codes,
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Replies are kept as long as their header `cache-control` allows. */
  cache,
});

export type AmqpOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  One message. Exactly one of request (wait for the reply), publish (wait for the broker's confirmation; mutations only)
  and subscribe (events; subscriptions only).
  """
  directive @amqp(
    request: AmqpAddress
    publish: AmqpPublication
    subscribe: AmqpAddress
    "A literal, sent as JSON. Without it the body is an object of all arguments by name."
    args: String
    "Headers of the message."
    headers: [AmqpHeader!]
    "Path to the part of the reply or event that the field is."
    select: String
  ) on FIELD_DEFINITION

  input AmqpAddress {
    "The empty name is the default exchange, which delivers to the queue that the routing key names."
    exchange: String! = ""
    "A template. No value may contain a dot, a star or a hash."
    routingKey: String!
  }

  input AmqpPublication {
    exchange: String! = ""
    "A template. No value may contain a dot, a star or a hash."
    routingKey: String!
    "Whether the broker writes the message to disk, for queues that outlive it."
    persistent: Boolean! = true
    "Whether it is a failure when no queue takes the message."
    mandatory: Boolean! = true
  }

  input AmqpHeader {
    name: String!
    "A template."
    value: String!
  }
`;

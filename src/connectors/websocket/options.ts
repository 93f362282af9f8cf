import { z } from 'zod';
import { duration } from '../../units.ts';
import { codes } from '../../upstream/codes.ts';
import { reconnect } from '../../upstream/reconnect.ts';
import { cacheByAge, dedupe } from '../../upstream/sharing-settings.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'a text, a number, true, false or null',
});

/** Paths into a message and the values that must stand there, all of them. */
const where = z.record(z.string(), scalar);

const outgoing = z.union(
  [z.strictObject({ call: z.string().min(1), args: z.string() }), z.strictObject({ message: z.string() })],
  { error: '{ call, args } for a request like any other, or { message } for one of its own shape' },
);

export const options = z.strictObject({
  /** JSON-RPC 2.0 unless there is an `envelope`. */
  protocol: z
    .literal('jsonrpc', { error: '"jsonrpc"; any other protocol is described by "envelope"' })
    .optional(),
  /** The messages of a backend that does not speak JSON-RPC 2.0. */
  envelope: z
    .strictObject({
      /** A literal with $id, $method and $params. */
      request: z.string(),
      response: z.strictObject({
        where: where.optional(),
        /** Path to the id of the request. */
        id: z.string(),
        /** Path to the result; the whole message without one. */
        result: z.string().optional(),
        /** Path to the error. The answer is a failure when something stands there, unless `failure` says when. */
        error: z.string().optional(),
        failure: where.optional(),
        /** Path to the error's code. */
        code: z.string().optional(),
      }),
    })
    .optional(),
  /** How topics are subscribed to and how events arrive. */
  subscriptions: z
    .strictObject({
      subscribe: outgoing,
      unsubscribe: outgoing.optional(),
      /** What the answer to `subscribe` must say; `{topic}` in quotes stands for the topic. */
      confirm: z.strictObject({ path: z.string(), equals: scalar }).optional(),
      /** Path to the subscription's id in the answer to `subscribe`, for backends whose events carry it. */
      subscription: z.string().optional(),
      event: z
        .strictObject({
          where: where.optional(),
          /** Path to the topic. Default: `method` in JSON-RPC. */
          topic: z.string().optional(),
          /** Path to the subscription's id, instead of the topic. */
          subscription: z.string().optional(),
          /** Path to what happened. Default: `params` in JSON-RPC, the whole message otherwise. */
          payload: z.string().optional(),
          /** What says that the backend has ended the stream. */
          end: where.optional(),
        })
        .default({}),
    })
    .optional(),
  /** Path to where each request tells of its trace, as an object. */
  trace: z.string().optional(),
  /** Whether requests are numbered with numbers or with texts. */
  ids: z.enum(['number', 'text']).default('number'),
  codes,
  subprotocols: z
    .array(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'the name of a subprotocol' }))
    .refine((names) => new Set(names).size === names.length, { error: 'different names' })
    .default([]),
  heartbeat: z
    .union(
      [
        z.literal('none'),
        z.strictObject({
          every: duration.default(15_000),
          timeout: duration.default(5000),
          /** A literal to send instead of a ping frame. Every byte that then arrives is a sign of life. */
          message: z.string().optional(),
        }),
      ],
      { error: 'none, or { every, timeout, message }' },
    )
    .default({ every: 15_000, timeout: 5000 }),
  reconnect: reconnect(250, 30_000),
  /** Requests without an answer yet, on the one connection. */
  maxInFlight: z.number().int().min(1).max(100_000).default(1000),
  /** Different topics subscribed to at a time. */
  maxTopics: z.number().int().min(1).max(1_000_000).default(10_000),
  /** How far one subscriber may lag behind, in events. */
  subscriber: z.strictObject({ buffer: z.int().min(1).max(100_000).default(1000) }).prefault({}),
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Answers are kept for a time. */
  cache: cacheByAge,
});

export type WebsocketOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  One request with its answer (call), or the events of a topic (topic, on Subscription fields), over the connector's one
  connection. Exactly one of call and topic.
  """
  directive @websocket(
    "The method, as the backend names it."
    call: String
    "A template: the topic to subscribe to."
    topic: String
    "A literal: the parameters. Without it the field's arguments are sent by name."
    args: String
    "Path to the part of the answer or event that the field is."
    select: String
  ) on FIELD_DEFINITION
`;

import { z } from 'zod';
import { duration } from '../../units.ts';
import { codes } from '../../upstream/codes.ts';
import { reconnect } from '../../upstream/reconnect.ts';
import { cache, dedupe } from '../../upstream/sharing-settings.ts';

const NAME = /^[A-Za-z_]\w*$/;

export const options = z.strictObject({
  /** The backend's SDL in the connector's folder: bindings are checked against it, and variables take their types from it. */
  spec: z.string().optional(),
  /** The backend is an Apollo Federation subgraph, and schema.graphql is what its `_service { sdl }` answers. */
  federation: z.boolean().default(false),
  /** Names of types here to their names at the backend, where they differ. */
  types: z
    .record(
      z.string().regex(NAME, { error: 'a type name' }),
      z.string().regex(NAME, { error: 'a type name' }),
    )
    .default({}),
  codes,
  /** How many keys go into one request. */
  batchSize: z.int().min(1).max(1000).default(100),
  subscriptions: z
    .strictObject({
      /** graphql-transport-ws over a websocket, or GraphQL over SSE with one request per subscription. */
      protocol: z.enum(['ws', 'sse']).default('ws'),
      /** Where, if not at `endpoint`. */
      endpoint: z.url({ protocol: /^(https?|wss?)$/, error: 'a ws, wss, http or https URL' }).optional(),
      /** Added to the payload of `connection_init`, which carries the connection's headers. */
      init: z.record(z.string(), z.unknown()).default({}),
      heartbeat: z
        .strictObject({ every: duration.default(15_000), timeout: duration.default(5000) })
        .default({ every: 15_000, timeout: 5000 }),
      reconnect: reconnect(250, 30_000),
      /** How far one subscriber may lag behind, in events. */
      subscriber: z.strictObject({ buffer: z.int().min(1).max(100_000).default(1000) }).prefault({}),
    })
    .prefault({}),
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Answers are kept as long as the backend's headers allow. */
  cache,
});

export type GraphqlOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  A field of the backend's Query, Mutation or Subscription (by default the one of the field's own name), or an entity of an
  Apollo Federation subgraph. Only what is selected is asked for.
  """
  directive @graphql(
    "A field of the backend's Query, with dots for the objects it lies in, as in viewer.orders."
    query: String
    "A field of the backend's Mutation."
    mutation: String
    "A field of the backend's Subscription."
    subscription: String
    "A type of a federation subgraph, found by _entities."
    entity: String
    "A literal that is an object: the entity's key fields. By default the arguments, or the parent's key fields."
    representation: String
    "The one field of the entity that is wanted."
    field: String
    "A literal that is an object: the arguments of the backend's field. By default the arguments by their names."
    args: String
  ) on FIELD_DEFINITION
`;

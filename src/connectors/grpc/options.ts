import { z } from 'zod';
import { duration } from '../../units.ts';
import { reconnect } from '../../upstream/reconnect.ts';
import { cache, dedupe } from '../../upstream/sharing-settings.ts';

export const options = z.strictObject({
  /** `.proto` files, or folders of them, in the connector's folder. Imports are found there too. */
  proto: z.union([z.string(), z.array(z.string()).min(1)], { error: 'a path or a list of paths' }).optional(),
  /** A serialised FileDescriptorSet with its imports, instead of `proto`. */
  descriptors: z.string().optional(),
  /** How often a connection with calls under way is probed, which is what finds one that died silently. Servers refuse probes oftener
   * than every five minutes unless told otherwise. */
  keepalive: duration.default(300_000),
  /** What is asked the same at the same time is asked once. */
  dedupe,
  /** Answers are kept as long as `cache-control` of the backend's metadata allows. */
  cache,
  /** Subscriptions have connections of their own. */
  streams: z
    .strictObject({
      /** How many share one. Backends end or hold back what is beyond the number that they allow, 100 being the least that is usual. */
      perConnection: z.int().min(1).max(100_000).default(100),
    })
    .default({ perConnection: 100 }),
  /** Of subscriptions. */
  reconnect: reconnect(500, 10_000),
});

export type GrpcOptions = z.output<typeof options>;

export const directives = /* GraphQL */ `
  """
  One gRPC call: unary on Query, Mutation and record fields, a stream of answers on Subscription. Without args each field of
  the request message takes the argument of its name, else the parent's key field of its name.
  """
  directive @grpc(
    "package.Service/Method"
    method: String!
    "A literal: the request message."
    args: String
    metadata: [GrpcMetadata!]
    "Path to the part of the answer that the field is."
    select: String
  ) on FIELD_DEFINITION

  input GrpcMetadata {
    name: String!
    "A template. Under a name that ends in -bin: base64."
    value: String!
  }
`;

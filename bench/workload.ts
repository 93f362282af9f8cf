/**
 * What a workload is. Each is a folder in `workloads/`, and each of its files is loaded only by the process that needs it, so that
 * a contender's memory is its own: `operation.ts` (the driver), `backends.ts` (the backends' process), `by-hand.ts`, `graphql.ts`
 * (Yoga and stitching), `hem/` (Hem's configuration) and `mesh.ts` (Hive Gateway).
 */
import type { SubschemaConfig } from '@graphql-tools/delegate';
import type { createSchema } from 'graphql-yoga';
import type { JsonClient } from './contenders/json-client.ts';

export const WORKLOADS = [
  'two-rest-calls',
  'list-join',
  'deep-large',
  'grpc',
  'soap',
  'amqp',
  'websocket',
  'graphql',
  'cached',
  'policies',
] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

/** In the order of the report; the first is what all others are compared with. */
export const CONTENDERS = [
  'by-hand',
  'by-hand-dispatch',
  'yoga',
  'stitched',
  'hem',
  // The same without whatever a workload's Hem has besides; in few workloads.
  'hem-plain',
  'hive',
] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export type Variables = Readonly<Record<string, unknown>>;

/** `operation.ts`: what is asked. */
export interface OperationModule {
  readonly query: string;
  /** Variables of the n-th request, from 0; those of request 0 are the ones that stay the same. At most {@link DISTINCT} different ones. */
  variables(index: number): Variables;
  /** Where callers of Hem need a key: by which plan. */
  readonly plan?: string;
  /** Two whose ratio is what the workload is about. */
  readonly compared?: readonly [ContenderName, ContenderName];
  /** Contenders that make no sense here, and why. */
  readonly without: Partial<Record<ContenderName, string>>;
}

/** How many different variables the driver prepares. */
export const DISTINCT = 500;

/** Addresses of the backends by the name of the environment variable that Hem's configuration reads. */
export type Addresses = Readonly<Record<string, string>>;

/** `backends.ts` */
export interface BackendsModule {
  startBackends(): Promise<{
    readonly addresses: Addresses;
    /** What is worth knowing about them, for the report. */
    readonly note?: string;
  }>;
}

/** `by-hand.ts`: the hand-written BFF's answer, the `data` of the response. */
export interface ByHandModule {
  open(
    addresses: Addresses,
    http: (url: string) => JsonClient,
  ): Promise<(variables: never) => Promise<unknown>>;
}

/** `by-hand.ts` where by hand means that the answer never changes: its text. */
export interface ConstantModule {
  constant(addresses: Addresses, http: (url: string) => JsonClient): Promise<string>;
}

/** `graphql.ts` */
export interface GraphQLModule {
  /** One schema with plain resolvers. */
  schema(addresses: Addresses, http: (url: string) => JsonClient): Promise<ReturnType<typeof createSchema>>;
  /** What a server context is made of, per request: DataLoaders. */
  readonly context?: () => Record<string, unknown>;
  /** The same as one schema per backend, to be stitched. */
  subschemas(addresses: Addresses, http: (url: string) => JsonClient): Promise<SubschemaConfig[]>;
}

/** `mesh.ts`: the same question in the names that Mesh gives. */
export interface MeshModule {
  readonly query: string;
  /** Puts the answer into the common shape, for comparing. */
  normalise(data: unknown): unknown;
}

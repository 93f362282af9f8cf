/**
 * What the workloads of the kinds that are not REST have in common: the last 20 rides of a rider, asked of one backend. Only how it is
 * asked differs, so that is all that is compared.
 */
import type { SubschemaConfig } from '@graphql-tools/delegate';
import { createSchema } from 'graphql-yoga';
import type { ContenderName } from '../workload.ts';

export interface Ride {
  readonly id: string;
  readonly bike: string;
  readonly distanceMetres: number;
  readonly startedAt: string;
  readonly state: 'RIDING' | 'ENDED';
  readonly price: { readonly amount: string; readonly currency: string };
}

export type Rides = (riderId: string) => Promise<readonly Ride[]>;

const RIDERS = 100;
const RIDES = 20;

export const query = `query Rides($riderId: ID!) {
  rides(riderId: $riderId) { id bike distanceMetres startedAt state price { amount currency } }
}`;

export function variables(index: number) {
  return { riderId: `rd-${(index % RIDERS) + 1}` };
}

/** Who is left out where the protocol has a client library of its own, and why. */
export function withoutHttp(hive: string): Partial<Record<ContenderName, string>> {
  return {
    'by-hand-dispatch': "left out: by hand it is the protocol's own client library, not undici",
    hive,
  };
}

/** What backends know. */
export function ridesOf(riderId: string): readonly Ride[] {
  const rider = Number(riderId.slice(3));
  return Array.from({ length: RIDES }, (_, index) => ({
    id: `r-${rider}-${index}`,
    bike: `b-${(rider * 7 + index) % 300}`,
    distanceMetres: 400 + ((rider * 131 + index * 977) % 9000),
    startedAt: `2026-10-${10 + index}T07:${10 + (rider % 50)}:00.000Z`,
    state: index === 0 ? 'RIDING' : 'ENDED',
    price: { amount: `${1 + (index % 7)}.${1 + (rider % 9)}5`, currency: 'EUR' },
  }));
}

/** As JSON backends name it. */
export function toWire({ distanceMetres, startedAt, ...ride }: Ride) {
  return { ...ride, distance_m: distanceMetres, started_at: startedAt, rider_note: null };
}

export type WireRide = ReturnType<typeof toWire>;

/** By hand. */
export function fromWire(ride: WireRide): Ride {
  return {
    id: ride.id,
    bike: ride.bike,
    distanceMetres: ride.distance_m,
    startedAt: ride.started_at,
    state: ride.state,
    price: { amount: ride.price.amount, currency: ride.price.currency },
  };
}

export function answerByHand(rides: Rides) {
  return async ({ riderId }: { riderId: string }) => ({ rides: await rides(riderId) });
}

export const RIDES_SDL = `
  type Query { rides(riderId: ID!): [Ride!] }
  type Ride { id: ID! bike: ID! distanceMetres: Int! startedAt: String! state: RideState! price: Money! }
  enum RideState { RIDING ENDED }
  type Money { amount: String! currency: String! }`;

export function schemaOf(rides: Rides) {
  return createSchema({
    typeDefs: RIDES_SDL,
    resolvers: { Query: { rides: (_: unknown, { riderId }: { riderId: string }) => rides(riderId) } },
  });
}

export function subschemasOf(rides: Rides): SubschemaConfig[] {
  return [{ schema: schemaOf(rides) }];
}

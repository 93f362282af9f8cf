import type { SubschemaConfig } from '@graphql-tools/delegate';
import DataLoader from 'dataloader';
import { createSchema } from 'graphql-yoga';
import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import type { WireFleet, WireStation } from '../stations.ts';

const STATION_FIELDS = `
  id: ID!
  name: String!
  capacity: Int
  openedOn: String
  address: Address
  location: Point`;
const FLEET_FIELDS = `
  bikesAvailable: Int
  electricBikesAvailable: Int`;
const PARTS = `
  type Address { street: String! postcode: String! city: String! }
  type Point { lat: Float! lon: Float! }`;
const LIST = 'stations(offset: Int!, first: Int!): [Station!]';

interface Context {
  fleet?: DataLoader<string, WireFleet | undefined>;
}

export const context = (): Record<string, unknown> => ({});

export async function schema(addresses: Addresses, http: (url: string) => JsonClient) {
  const load = batchOf(http(addresses.FLEET_URL!));
  const bikesAt = ({ id }: WireStation, context: Context) => {
    context.fleet ??= new DataLoader<string, WireFleet | undefined>(load);
    return context.fleet.load(id);
  };
  return createSchema<Context>({
    typeDefs: `type Query { ${LIST} } type Station { ${STATION_FIELDS} ${FLEET_FIELDS} } ${PARTS}`,
    resolvers: {
      Query: { stations: listOf(http(addresses.STATIONS_URL!)) },
      Station: {
        openedOn: (station: WireStation) => station.opened_on,
        bikesAvailable: async (station: WireStation, _: unknown, context: Context) =>
          (await bikesAt(station, context))?.bikes_available,
        electricBikesAvailable: async (station: WireStation, _: unknown, context: Context) =>
          (await bikesAt(station, context))?.electric_bikes_available,
      },
    },
  });
}

export async function subschemas(
  addresses: Addresses,
  http: (url: string) => JsonClient,
): Promise<SubschemaConfig[]> {
  const load = batchOf(http(addresses.FLEET_URL!));
  return [
    {
      schema: createSchema({
        typeDefs: `type Query { ${LIST} } type Station { ${STATION_FIELDS} } ${PARTS}`,
        resolvers: {
          Query: { stations: listOf(http(addresses.STATIONS_URL!)) },
          Station: { openedOn: (station: WireStation) => station.opened_on },
        },
      }),
      batch: true,
    },
    {
      schema: createSchema({
        typeDefs: `type Query { stationsById(ids: [ID!]!): [Station]! } type Station { id: ID! ${FLEET_FIELDS} }`,
        resolvers: {
          Query: { stationsById: (_: unknown, { ids }: { ids: string[] }) => load(ids) },
          Station: {
            id: (bikes: WireFleet) => bikes.station_id,
            bikesAvailable: (bikes: WireFleet) => bikes.bikes_available,
            electricBikesAvailable: (bikes: WireFleet) => bikes.electric_bikes_available,
          },
        },
      }),
      merge: {
        Station: {
          selectionSet: '{ id }',
          fieldName: 'stationsById',
          key: ({ id }: { id: string }) => id,
          argsFromKeys: (ids: readonly string[]) => ({ ids }),
        },
      },
      batch: true,
    },
  ];
}

function listOf(stations: JsonClient) {
  return async (_: unknown, { offset, first }: { offset: number; first: number }) => {
    const found = await stations.get(`/stations?offset=${offset}&limit=${first}`);
    return (found as { stations: WireStation[] }).stations;
  };
}

/** In the order of the ids, as DataLoader and stitching want it. */
function batchOf(fleet: JsonClient) {
  return async (ids: readonly string[]): Promise<(WireFleet | undefined)[]> => {
    const found = await fleet.get(`/fleet/stations?ids=${ids.map(encodeURIComponent).join(',')}`);
    const byStation = new Map(
      (found as { stations: WireFleet[] }).stations.map((bikes) => [bikes.station_id, bikes]),
    );
    return ids.map((id) => byStation.get(id));
  };
}

import type { SubschemaConfig } from '@graphql-tools/delegate';
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

export async function schema(addresses: Addresses, http: (url: string) => JsonClient) {
  const stations = http(addresses.STATIONS_URL!);
  const fleet = http(addresses.FLEET_URL!);
  const bikesAt = async (station: WireStation & { fleet?: Promise<WireFleet> }) => {
    station.fleet ??= fleet.get(`/fleet/stations/${encodeURIComponent(station.id)}`) as Promise<WireFleet>;
    return station.fleet;
  };
  return createSchema({
    typeDefs: `type Query { station(id: ID!): Station } type Station { ${STATION_FIELDS} ${FLEET_FIELDS} } ${PARTS}`,
    resolvers: {
      Query: {
        station: (_: unknown, { id }: { id: string }) => stations.get(`/stations/${encodeURIComponent(id)}`),
      },
      Station: {
        openedOn: (station: WireStation) => station.opened_on,
        bikesAvailable: async (station: WireStation) => (await bikesAt(station)).bikes_available,
        electricBikesAvailable: async (station: WireStation) =>
          (await bikesAt(station)).electric_bikes_available,
      },
    },
  });
}

export async function subschemas(
  addresses: Addresses,
  http: (url: string) => JsonClient,
): Promise<SubschemaConfig[]> {
  const stations = http(addresses.STATIONS_URL!);
  const fleet = http(addresses.FLEET_URL!);
  const merge = {
    Station: { selectionSet: '{ id }', fieldName: 'station', args: ({ id }: { id: string }) => ({ id }) },
  };
  return [
    {
      schema: createSchema({
        typeDefs: `type Query { station(id: ID!): Station } type Station { ${STATION_FIELDS} } ${PARTS}`,
        resolvers: {
          Query: {
            station: (_: unknown, { id }: { id: string }) =>
              stations.get(`/stations/${encodeURIComponent(id)}`),
          },
          Station: { openedOn: (station: WireStation) => station.opened_on },
        },
      }),
      merge,
      batch: true,
    },
    {
      schema: createSchema({
        typeDefs: `type Query { station(id: ID!): Station } type Station { id: ID! ${FLEET_FIELDS} }`,
        resolvers: {
          Query: {
            station: (_: unknown, { id }: { id: string }) =>
              fleet.get(`/fleet/stations/${encodeURIComponent(id)}`),
          },
          Station: {
            id: (bikes: WireFleet) => bikes.station_id,
            bikesAvailable: (bikes: WireFleet) => bikes.bikes_available,
            electricBikesAvailable: (bikes: WireFleet) => bikes.electric_bikes_available,
          },
        },
      }),
      merge,
      batch: true,
    },
  ];
}

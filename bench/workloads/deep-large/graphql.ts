import type { SubschemaConfig } from '@graphql-tools/delegate';
import { createSchema } from 'graphql-yoga';
import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';

const TYPES = `
  type Query { network(season: Int!): Network }
  type Network { name: String! currency: String! areas: [Area!]! }
  type Area { code: String! name: String! manager: Manager districts: [District!]! }
  type Manager { name: String! phone: String }
  type District { name: String! population: Int stations: [Station!]! }
  type Station { id: ID! name: String! openedOn: String address: Address docks: [Dock!]! }
  type Address { street: String! city: String! postcode: String! }
  type Dock { number: Int! state: DockState! bike: Bike }
  enum DockState { FREE OCCUPIED }
  type Bike { id: ID! batteryPercent: Int }`;

export async function schema(addresses: Addresses, http: (url: string) => JsonClient) {
  const backend = http(addresses.NETWORK_URL!);
  return createSchema({
    typeDefs: TYPES,
    resolvers: {
      Query: {
        network: (_: unknown, { season }: { season: number }) => backend.get(`/network?season=${season}`),
      },
      Station: { openedOn: (station: { opened_on: string }) => station.opened_on },
      Bike: { batteryPercent: (bike: { battery_percent: number }) => bike.battery_percent },
    },
  });
}

export async function subschemas(
  addresses: Addresses,
  http: (url: string) => JsonClient,
): Promise<SubschemaConfig[]> {
  return [{ schema: await schema(addresses, http) }];
}

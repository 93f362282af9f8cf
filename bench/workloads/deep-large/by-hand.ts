import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import type { Network } from './network.ts';

export async function open(addresses: Addresses, http: (url: string) => JsonClient) {
  const backend = http(addresses.NETWORK_URL!);
  return async ({ season }: { season: number }) => {
    const network = (await backend.get(`/network?season=${season}`)) as Network;
    return {
      network: {
        name: network.name,
        areas: network.areas.map((area) => ({
          name: area.name,
          manager: { name: area.manager.name },
          districts: area.districts.map((district) => ({
            name: district.name,
            population: district.population,
            stations: district.stations.map((station) => ({
              id: station.id,
              name: station.name,
              address: { street: station.address.street, city: station.address.city },
              docks: station.docks.map(({ number, state, bike }) => ({
                number,
                state,
                bike: bike === null ? null : { id: bike.id, batteryPercent: bike.battery_percent },
              })),
            })),
          })),
        })),
      },
    };
  };
}

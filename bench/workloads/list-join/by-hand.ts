import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import type { WireFleet, WireStation } from '../stations.ts';

export async function open(addresses: Addresses, http: (url: string) => JsonClient) {
  const stations = http(addresses.STATIONS_URL!);
  const fleet = http(addresses.FLEET_URL!);
  return async ({ offset }: { offset: number }) => {
    const list = (await stations.get(`/stations?offset=${offset}&limit=100`)) as { stations: WireStation[] };
    const ids = list.stations.map(({ id }) => encodeURIComponent(id)).join(',');
    const found = (await fleet.get(`/fleet/stations?ids=${ids}`)) as { stations: WireFleet[] };
    const byStation = new Map(found.stations.map((bikes) => [bikes.station_id, bikes]));
    return {
      stations: list.stations.map(({ id, name, address }) => {
        const bikes = byStation.get(id);
        return {
          id,
          name,
          address: { street: address.street, city: address.city },
          bikesAvailable: bikes?.bikes_available ?? null,
          electricBikesAvailable: bikes?.electric_bikes_available ?? null,
        };
      }),
    };
  };
}

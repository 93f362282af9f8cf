import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import type { WireFleet, WireStation } from '../stations.ts';

/** Both calls at once: who writes by hand knows that the second needs nothing of the first. */
export async function open(addresses: Addresses, http: (url: string) => JsonClient) {
  const stations = http(addresses.STATIONS_URL!);
  const fleet = http(addresses.FLEET_URL!);
  return async ({ id }: { id: string }) => {
    const [station, bikes] = (await Promise.all([
      stations.get(`/stations/${encodeURIComponent(id)}`),
      fleet.get(`/fleet/stations/${encodeURIComponent(id)}`),
    ])) as [WireStation, WireFleet];
    return {
      station: {
        id: station.id,
        name: station.name,
        capacity: station.capacity,
        openedOn: station.opened_on,
        address: { street: station.address.street, city: station.address.city },
        location: { lat: station.location.lat, lon: station.location.lon },
        bikesAvailable: bikes.bikes_available,
        electricBikesAvailable: bikes.electric_bikes_available,
      },
    };
  };
}

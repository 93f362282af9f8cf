import type { Addresses } from '../../workload.ts';
import { startHttpBackend, toAnswer } from '../http-backend.ts';
import { fleetAt, STATIONS, station, stationId } from '../stations.ts';

export async function startBackends(): Promise<{ addresses: Addresses }> {
  const stations = new Map<string, Buffer>();
  const fleet = new Map<string, Buffer>();
  for (let index = 0; index < STATIONS; index++) {
    stations.set(`/stations/${stationId(index)}`, toAnswer(station(index)));
    fleet.set(`/fleet/stations/${stationId(index)}`, toAnswer(fleetAt(index)));
  }
  return {
    addresses: {
      STATIONS_URL: await startHttpBackend((target) => stations.get(target)),
      FLEET_URL: await startHttpBackend((target) => fleet.get(target)),
    },
  };
}

import type { Addresses } from '../../workload.ts';
import { startHttpBackend, toAnswer } from '../http-backend.ts';
import { fleetAt, STATIONS, station } from '../stations.ts';

/** The fleet answers in an order of its own, so that who joins by position is found out. */
export async function startBackends(): Promise<{ addresses: Addresses }> {
  const all = Array.from({ length: STATIONS }, (_, index) => station(index));
  const lists = new Map<string, Buffer>();
  for (let offset = 0; offset < STATIONS; offset++) {
    const stations = all.slice(offset, offset + 100);
    lists.set(`/stations?offset=${offset}&limit=100`, toAnswer({ stations, total: STATIONS }));
  }
  const fleet = new Map(all.map(({ id }, index) => [id, fleetAt(index)]));
  const known = new Map<string, Buffer>();
  return {
    addresses: {
      STATIONS_URL: await startHttpBackend((target) => lists.get(target)),
      FLEET_URL: await startHttpBackend((target) => {
        const answer = known.get(target) ?? toFleetAnswer(fleet, target);
        if (answer !== undefined && known.size < 2000) known.set(target, answer);
        return answer;
      }),
    },
  };
}

function toFleetAnswer(
  fleet: ReadonlyMap<string, ReturnType<typeof fleetAt>>,
  target: string,
): Buffer | undefined {
  const url = new URL(target, 'http://fleet');
  const ids = (url.searchParams.get('ids') ?? '').split(',');
  // For Mesh, whose batches are matched by position.
  if (url.pathname === '/fleet/in-order') return toAnswer(ids.map((id) => fleet.get(id)));
  if (url.pathname !== '/fleet/stations') return undefined;
  return toAnswer({ stations: ids.flatMap((id) => fleet.get(id) ?? []).reverse() });
}

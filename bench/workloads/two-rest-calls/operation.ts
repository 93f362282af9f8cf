import type { ContenderName, Variables } from '../../workload.ts';
import { stationId } from '../stations.ts';

export const query = `query Station($id: ID!) {
  station(id: $id) {
    id
    name
    capacity
    openedOn
    address { street city }
    location { lat lon }
    bikesAvailable
    electricBikesAvailable
  }
}`;

export function variables(index: number): Variables {
  return { id: stationId(index) };
}

export const without: Partial<Record<ContenderName, string>> = {};

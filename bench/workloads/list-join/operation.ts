import type { ContenderName, Variables } from '../../workload.ts';
import { STATIONS } from '../stations.ts';

export const query = `query Stations($offset: Int!) {
  stations(offset: $offset, first: 100) {
    id
    name
    address { street city }
    bikesAvailable
    electricBikesAvailable
  }
}`;

export function variables(index: number): Variables {
  return { offset: index % (STATIONS - 100) };
}

export const without: Partial<Record<ContenderName, string>> = {};

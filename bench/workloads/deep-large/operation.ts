import type { ContenderName, Variables } from '../../workload.ts';
import { SEASONS } from './network.ts';

export const query = `query Network($season: Int!) {
  network(season: $season) {
    name
    areas {
      name
      manager { name }
      districts {
        name
        population
        stations {
          id
          name
          address { street city }
          docks { number state bike { id batteryPercent } }
        }
      }
    }
  }
}`;

export function variables(index: number): Variables {
  return { season: (index % SEASONS) + 1 };
}

export const without: Partial<Record<ContenderName, string>> = {};

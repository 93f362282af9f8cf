/** A tree of areas, districts, stations, docks and bikes. Of each record about two thirds are asked for. */

export const SEASONS = 20;

function list<T>(length: number, make: (number: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index + 1));
}

export function network(season: number) {
  return {
    name: `Lindhaven network, season ${season}`,
    currency: 'EUR',
    areas: list(6, (area) => ({
      code: `A${area}`,
      name: `Area ${area}`,
      manager: { name: `Manager ${area}`, phone: `+49 40 55 ${area}${season}` },
      districts: list(6, (district) => ({
        name: `District ${area}.${district}`,
        population: 1000 * area + 37 * district + season,
        stations: list(8, (station) => ({
          id: `st-${area}-${district}-${station}`,
          name: `Station ${station} of district ${district}`,
          opened_on: `2019-0${1 + (station % 9)}-11`,
          address: { street: `Quay Road ${station}`, city: 'Lindhaven', postcode: `2${1000 + station}` },
          docks: list(6, (dock) => ({
            number: dock,
            state: dock % 3 === 0 ? 'FREE' : 'OCCUPIED',
            bike:
              dock % 3 === 0
                ? null
                : {
                    id: `b-${area}${district}${station}${dock}`,
                    battery_percent: (dock * 13 + season) % 101,
                  },
          })),
        })),
      })),
    })),
  };
}

export type Network = ReturnType<typeof network>;

/** Mesh keeps the backend's names, and its join is a field: the same data, a level deeper. */
export const query = `query Stations($offset: Int!) {
  stations(offset: $offset, limit: 100) {
    stations {
      id
      name
      address { street city }
      fleet { bikesAvailable: bikes_available electricBikesAvailable: electric_bikes_available }
    }
  }
}`;

type Station = Record<string, unknown> & { fleet: object };

export function normalise({ stations }: { stations: { stations: Station[] } }) {
  return { stations: stations.stations.map(({ fleet, ...rest }) => ({ ...rest, ...fleet })) };
}

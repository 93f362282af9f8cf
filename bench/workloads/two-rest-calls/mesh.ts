/** Mesh keeps the backend's names, and its join is a field: the same data, a level deeper. */
export const query = `query Station($id: String!) {
  station(id: $id) {
    id
    name
    capacity
    openedOn: opened_on
    address { street city }
    location { lat lon }
    fleet { bikesAvailable: bikes_available electricBikesAvailable: electric_bikes_available }
  }
}`;

export function normalise({ station }: { station: Record<string, unknown> & { fleet: object } }) {
  const { fleet, ...rest } = station;
  return { station: { ...rest, ...fleet } };
}

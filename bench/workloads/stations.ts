/** The data of the REST workloads: stations, and what stands at each. Made by arithmetic, the same at every run. */

export const STATIONS = 500;

export function stationId(index: number): string {
  return `st-${(index % STATIONS) + 1}`;
}

export function station(index: number) {
  const number = (index % STATIONS) + 1;
  return {
    id: stationId(index),
    name: `Station ${number} at the Old Harbour`,
    capacity: 12 + (number % 17),
    state: number % 9 === 0 ? 'CLOSED' : 'OPEN',
    opened_on: `20${10 + (number % 15)}-0${1 + (number % 9)}-1${number % 10}`,
    address: { street: `Quay Road ${number}`, postcode: `2${1000 + number}`, city: 'Lindhaven' },
    location: { lat: 53 + number / 1000, lon: 10 - number / 1000 },
    amenities: ['pump', 'shelter', number % 2 === 0 ? 'charger' : 'kiosk'],
  };
}

export function fleetAt(index: number) {
  const number = (index % STATIONS) + 1;
  return {
    station_id: stationId(index),
    bikes_available: number % 14,
    electric_bikes_available: number % 5,
    updated_at: `2026-11-02T07:${10 + (number % 50)}:00Z`,
  };
}

export type WireStation = ReturnType<typeof station>;
export type WireFleet = ReturnType<typeof fleetAt>;

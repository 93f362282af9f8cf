/**
 * The one data set behind the six backends: a bike-share in the port city of Lindhaven and its small neighbour Ostwick.
 * It comes out the same at every start; each backend serves only its own part of it, in its own idiom.
 */
import { Dice } from './dice.ts';
import { MODELS, RIDER_NAMES, STATION_PLACES, WORKSHOP_PLACES } from './names.ts';

export interface Station {
  readonly id: string;
  readonly name: string;
  readonly city: CityCode;
  readonly street: string;
  readonly houseNumber: string;
  readonly postalCode: string;
  readonly lat: number;
  readonly lon: number;
  readonly state: 'in_service' | 'maintenance' | 'closed';
  readonly capacity: number;
  /** A date, "2021-04-30". */
  readonly openedOn: string;
  readonly amenities: readonly string[];
  /** The van route that serves the station; nobody's business but operations'. */
  readonly serviceArea: string;
}

export interface Workshop {
  readonly id: string;
  readonly name: string;
  readonly city: CityCode;
  readonly lat: number;
  readonly lon: number;
  readonly stands: number;
}

export interface Bike {
  readonly id: string;
  readonly model: string;
  /** Beyond 2^53, to keep everybody honest about int64. */
  readonly frameNumber: bigint;
  readonly state: 'available' | 'riding' | 'workshop';
  readonly dock: { readonly stationId: string; readonly number: number } | undefined;
  readonly lat: number;
  readonly lon: number;
  readonly drive:
    | { readonly kind: 'pedal'; readonly gears: number }
    | { readonly kind: 'electric'; readonly batteryPercent: number; readonly rangeM: number };
  readonly odometerM: bigint;
  /** Milliseconds since 1970. */
  readonly lastServiceAt: number;
  readonly lockKey: Buffer;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Dock {
  readonly stationId: string;
  /** Counts from 1 within its station. */
  readonly number: number;
  readonly state: 'free' | 'occupied' | 'faulty';
  readonly bikeId: string | undefined;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
}

export interface Rider {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** A date. */
  readonly joinedOn: string;
  readonly homeStationId: string;
  readonly plan: 'PAY_PER_RIDE' | 'MONTHLY' | 'YEARLY';
  /** A date. */
  readonly renewsOn: string;
  readonly autoRenew: boolean;
}

export interface Ride {
  readonly id: string;
  readonly city: CityCode;
  readonly riderId: string;
  readonly bikeId: string;
  readonly from: { readonly stationId: string; readonly number: number };
  readonly to: { readonly stationId: string; readonly number: number } | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly distanceM: number;
  readonly priceCents: number | undefined;
}

export interface Invoice {
  readonly id: string;
  readonly riderId: string;
  /** The first day of the month it is about. */
  readonly period: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly status: 'paid' | 'open' | 'refunded';
  readonly lines: ReadonlyArray<{
    readonly text: string;
    readonly rideId: string | undefined;
    readonly cents: number;
  }>;
}

export type CityCode = 'lindhaven' | 'ostwick';

export interface DataSet {
  readonly stations: readonly Station[];
  readonly workshops: readonly Workshop[];
  readonly bikes: readonly Bike[];
  readonly docks: readonly Dock[];
  readonly riders: readonly Rider[];
  /** Oldest first. */
  readonly rides: readonly Ride[];
  readonly invoices: readonly Invoice[];
}

/** The moment at which the data stands still. */
export const NOW = Date.parse('2026-06-15T09:30:00Z');

export const CURRENCY = 'EUR';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const BIKES = 150;
const RIDING = 9;
const IN_WORKSHOP = 6;
const PAST_RIDES = 360;
const PLAN_CENTS = { PAY_PER_RIDE: 0, MONTHLY: 1490, YEARLY: 990 } as const;

/** What a ride costs: one euro, and twenty cents for each minute after the tenth. */
export function priceCents(startedAt: number, endedAt: number): number {
  const minutes = Math.ceil((endedAt - startedAt) / MINUTE);
  return 100 + 20 * Math.max(0, minutes - 10);
}

function buildDataSet(): DataSet {
  const dice = new Dice(20260625);
  const stations = buildStations(dice);
  const { bikes, docks } = buildFleet(dice, stations);
  const riders = buildRiders(dice, stations);
  const rides = buildRides(dice, { stations, bikes, riders });
  return {
    stations,
    workshops: buildWorkshops(),
    bikes,
    docks,
    riders,
    rides,
    invoices: buildInvoices(riders, rides),
  };
}

function buildStations(dice: Dice): Station[] {
  return STATION_PLACES.map(([name, street, city, lat, lon], index) => ({
    id: `st-${String(index + 1).padStart(2, '0')}`,
    name,
    city,
    street,
    houseNumber: String(dice.between(1, 120)),
    postalCode: city === 'lindhaven' ? `24${100 + dice.between(0, 59)}` : '24811',
    lat,
    lon,
    state: index === 16 ? 'maintenance' : index === 37 ? 'closed' : 'in_service',
    capacity: dice.between(8, 16),
    openedOn: toDate(Date.parse('2019-04-01') + dice.between(0, 2000) * DAY),
    amenities: ['air_pump', 'card_reader', 'roof', 'tools'].filter(() => dice.chance(0.4)),
    serviceArea: `${city === 'ostwick' ? 'O' : 'L'}${1 + (index % 5)}`,
  }));
}

function buildWorkshops(): Workshop[] {
  return WORKSHOP_PLACES.map(([name, city, lat, lon], index) => ({
    id: `ws-${index + 1}`,
    name,
    city,
    lat,
    lon,
    stands: 4 + index * 2,
  }));
}

function buildFleet(dice: Dice, stations: readonly Station[]): { bikes: Bike[]; docks: Dock[] } {
  const open = stations.filter(({ state }) => state !== 'closed');
  const docks = new Map<string, Dock>();
  for (const station of stations) {
    for (let number = 1; number <= station.capacity; number++) {
      docks.set(`${station.id}/${number}`, {
        stationId: station.id,
        number,
        state: dice.chance(0.03) ? 'faulty' : 'free',
        bikeId: undefined,
        changedAt: NOW - dice.between(1, 600) * MINUTE,
      });
    }
  }
  const bikes = Array.from({ length: BIKES }, (_, index): Bike => {
    const id = `bk-${1001 + index}`;
    const model = dice.pick(MODELS);
    const state = index < RIDING ? 'riding' : index < RIDING + IN_WORKSHOP ? 'workshop' : 'available';
    const station = open[index % open.length]!;
    const dock = state === 'available' ? freeDock(docks, station) : undefined;
    if (dock !== undefined)
      docks.set(`${dock.stationId}/${dock.number}`, { ...dock, state: 'occupied', bikeId: id });
    return {
      id,
      model: model.name,
      frameNumber: 9_007_199_254_740_993n + BigInt(index) * 1_000_003n,
      state,
      dock: dock && { stationId: dock.stationId, number: dock.number },
      lat: round(station.lat + (dock === undefined ? dice.between(-40, 40) / 10_000 : 0)),
      lon: round(station.lon + (dock === undefined ? dice.between(-40, 40) / 10_000 : 0)),
      drive: model.electric
        ? { kind: 'electric', ...battery(dice.between(12, 100)) }
        : { kind: 'pedal', gears: model.gears },
      odometerM: BigInt(dice.between(40_000, 9_000_000)),
      lastServiceAt: NOW - dice.between(1, 90) * DAY,
      lockKey: Buffer.from(Array.from({ length: 8 }, () => dice.between(0, 255))),
      labels: { batch: String(2021 + (index % 5)), colour: index % 2 === 0 ? 'green' : 'slate' },
    };
  });
  return { bikes, docks: [...docks.values()] };
}

function freeDock(docks: ReadonlyMap<string, Dock>, station: Station): Dock | undefined {
  for (let number = 1; number <= station.capacity; number++) {
    const dock = docks.get(`${station.id}/${number}`);
    if (dock?.state === 'free') return dock;
  }
  return undefined;
}

function battery(percent: number): { batteryPercent: number; rangeM: number } {
  return { batteryPercent: percent, rangeM: percent * 650 };
}

function buildRiders(dice: Dice, stations: readonly Station[]): Rider[] {
  return RIDER_NAMES.map((name, index) => ({
    id: `rd-${String(index + 1).padStart(2, '0')}`,
    name,
    email: `${name
      .toLowerCase()
      .normalize('NFD')
      .replace(/[^a-z ]/g, '')
      .replace(' ', '.')}@lindhaven.example`,
    joinedOn: toDate(NOW - dice.between(40, 1500) * DAY),
    homeStationId: dice.pick(stations).id,
    plan: dice.pick(['PAY_PER_RIDE', 'MONTHLY', 'YEARLY'] as const),
    renewsOn: toDate(NOW + dice.between(1, 200) * DAY),
    autoRenew: dice.chance(0.7),
  }));
}

function buildRides(
  dice: Dice,
  {
    stations,
    bikes,
    riders,
  }: { stations: readonly Station[]; bikes: readonly Bike[]; riders: readonly Rider[] },
): Ride[] {
  const starts = Array.from({ length: PAST_RIDES }, () => NOW - dice.between(3 * 60, 74 * 24 * 60) * MINUTE);
  starts.sort((a, b) => a - b);
  const past = starts.map((startedAt, index): Ride => {
    const from = dice.pick(stations);
    const to = dice.pick(stations.filter(({ city }) => city === from.city));
    const endedAt = startedAt + dice.between(4 * 60, 55 * 60) * 1000;
    return {
      id: `rn-${5001 + index}`,
      city: from.city,
      riderId: dice.pick(riders).id,
      bikeId: dice.pick(bikes).id,
      from: { stationId: from.id, number: dice.between(1, from.capacity) },
      to: { stationId: to.id, number: dice.between(1, to.capacity) },
      startedAt,
      endedAt,
      distanceM: dice.between(600, 9_500),
      priceCents: priceCents(startedAt, endedAt),
    };
  });
  const running = bikes
    .filter(({ state }) => state === 'riding')
    .map((bike, index): Ride => {
      const from = stations[(index * 7) % stations.length]!;
      return {
        id: `rn-${5001 + PAST_RIDES + index}`,
        city: from.city,
        riderId: riders[index]!.id,
        bikeId: bike.id,
        from: { stationId: from.id, number: dice.between(1, from.capacity) },
        to: undefined,
        startedAt: NOW - (25 - index * 2) * MINUTE,
        endedAt: undefined,
        distanceM: dice.between(200, 4_000),
        priceCents: undefined,
      };
    });
  return [...past, ...running];
}

function buildInvoices(riders: readonly Rider[], rides: readonly Ride[]): Invoice[] {
  const months = ['2026-04', '2026-05'];
  return riders.flatMap((rider) =>
    months.flatMap((month, index): Invoice[] => {
      const ridden = rides.filter(
        ({ riderId, endedAt }) =>
          riderId === rider.id && endedAt !== undefined && toDate(endedAt).startsWith(month),
      );
      const fee = PLAN_CENTS[rider.plan];
      const lines = [
        ...(fee > 0
          ? [{ text: `Membership ${rider.plan.toLowerCase()}`, rideId: undefined, cents: fee }]
          : []),
        ...ridden.map(({ id, priceCents }) => ({ text: `Ride ${id}`, rideId: id, cents: priceCents ?? 0 })),
      ];
      if (lines.length === 0) return [];
      return [
        {
          id: `in-${month.replace('-', '')}-${rider.id.slice(3)}`,
          riderId: rider.id,
          period: `${month}-01`,
          issuedAt: Date.parse(index === 0 ? '2026-05-01T06:00:00Z' : '2026-06-01T06:00:00Z'),
          status: index === 0 ? 'paid' : 'open',
          lines,
        },
      ];
    }),
  );
}

/** "2026-06-15" of a moment, in UTC. */
export function toDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

function round(degrees: number): number {
  return Math.round(degrees * 1e5) / 1e5;
}

export const DATA: DataSet = buildDataSet();

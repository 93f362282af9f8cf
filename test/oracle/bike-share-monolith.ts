/**
 * The independent witness for the bike-share: each client's schema by hand over the demo's data set, as it is before anything was
 * changed. Where a backend has a way of its own (what a limit below zero means), it is written down here once more.
 */
import { printSchema } from 'graphql';
import {
  type Bike,
  CURRENCY,
  DATA,
  type Dock,
  type Invoice,
  NOW,
  type Ride,
  type Rider,
  type Station,
  type Workshop,
} from '../../demo/data.ts';
import type { Subject } from './subject.ts';
import { openWitness, type Resolve, type Resolvers, toWitnessSchema, type Witness } from './witness.ts';

type Fields = Readonly<Record<string, Resolve>>;
type Placed = { readonly type: 'Station' | 'Workshop' };

const byId = <T extends { readonly id: string }>(list: readonly T[]) =>
  new Map(list.map((one) => [one.id, one]));
const STATIONS = byId(DATA.stations);
const BIKES = byId(DATA.bikes);
const RIDERS = byId(DATA.riders);
const RIDES = byId(DATA.rides);
const INVOICES = byId(DATA.invoices);
const DOCKS = new Map(DATA.docks.map((dock) => [`${dock.stationId}/${dock.number}`, dock]));
const LATEST_RIDES = DATA.rides.toReversed();

const MOST = 100;
const BADGES = [100, 50, 25, 10, 5, 1];

const upper = (text: string) => text.toUpperCase();
const station = (id: string | undefined) => (id === undefined ? null : (STATIONS.get(id) ?? null));
const dock = (at: { readonly stationId: string; readonly number: number } | undefined) =>
  at === undefined ? null : (DOCKS.get(`${at.stationId}/${at.number}`) ?? null);
const money = (cents: number) => ({ amount: (cents / 100).toFixed(2), currency: CURRENCY });
const centsOf = (lines: Invoice['lines']) => lines.reduce((sum, { cents }) => sum + cents, 0);
const iso = (milliseconds: number) => new Date(milliseconds).toISOString();
/** As JavaScript's `slice` has it, where the backends do: below zero the last ones are missing. */
const firstOf = <T>(list: readonly T[], first: number) => list.slice(0, Math.min(first, MOST));

const docksOf = (stationId: string) => DATA.docks.filter((one) => one.stationId === stationId);
const availableAt = (stationId: string) =>
  DATA.bikes.filter((bike) => bike.state === 'available' && bike.dock?.stationId === stationId);

function bikes(at: string | null | undefined, state: string | null | undefined, first: number | null) {
  if ((first ?? 0) < 0) return null;
  return (
    DATA.bikes
      // The fleet takes an empty text for none.
      .filter((bike) => (at ?? '') === '' || bike.dock?.stationId === at)
      .filter((bike) => (state ?? null) === null || upper(bike.state) === state)
      .slice(0, Math.min(first || MOST, MOST))
  );
}

interface RidesAsked {
  readonly riderId?: string | null;
  readonly stationId?: string | null;
  readonly bikeId?: string | null;
  readonly running?: boolean | null;
  readonly first?: number | null;
}

function rides({ riderId, stationId, bikeId, running, first }: RidesAsked): readonly Ride[] {
  const found = LATEST_RIDES.filter((ride) => (riderId ?? null) === null || ride.riderId === riderId)
    .filter(
      (ride) =>
        (stationId ?? null) === null || ride.from.stationId === stationId || ride.to?.stationId === stationId,
    )
    .filter((ride) => (bikeId ?? null) === null || ride.bikeId === bikeId)
    .filter((ride) => (running ?? null) === null || (ride.endedAt === undefined) === running);
  return firstOf(found, first ?? 20);
}

interface StationsAsked {
  readonly near?: { readonly lat: number; readonly lon: number } | null;
  readonly city?: string | null;
  readonly state?: string | null;
  readonly first: number | null;
}

function stations({ near, city, state, first }: StationsAsked): readonly Station[] | null {
  if ((first ?? 0) < 0) return null;
  const found = DATA.stations
    .filter((one) => (city ?? null) === null || upper(one.city) === city)
    .filter((one) => (state ?? null) === null || upper(one.state) === state);
  // A degree of longitude is shorter here than one of latitude.
  const distance = ({ lat, lon }: Station) => Math.hypot(lat - near!.lat, (lon - near!.lon) * 0.58);
  if ((near ?? null) !== null) found.sort((a, b) => distance(a) - distance(b));
  return firstOf(found, first ?? MOST);
}

function invoices(riderId: string, first: number | null): readonly Invoice[] {
  return DATA.invoices
    .filter((invoice) => invoice.riderId === riderId)
    .toReversed()
    .slice(0, first ?? 24);
}

function balanceOf({ id }: Rider) {
  const open = DATA.invoices.filter(({ riderId, status }) => riderId === id && status === 'open');
  return money(-centsOf(open.flatMap(({ lines }) => lines)));
}

function durationOf({ startedAt, endedAt }: Ride): string | null {
  if (endedAt === undefined) return null;
  const seconds = Math.round((endedAt - startedAt) / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'H'],
    [Math.floor((seconds % 3600) / 60), 'M'],
    [seconds % 60, 'S'],
  ] as const;
  return `PT${parts.map(([count, unit]) => (count > 0 ? `${count}${unit}` : '')).join('') || '0S'}`;
}

/** To the second, in UTC; a moment without a fraction has none. */
function serviced({ lastServiceAt }: Bike): string {
  return iso(Math.floor(lastServiceAt / 1000) * 1000).replace('.000Z', 'Z');
}

/** Summer time in Lindhaven. */
function changed({ changedAt }: Dock): string {
  return iso(changedAt + 2 * 3_600_000).replace('.000Z', '+02:00');
}

const placeOf = ({ lat, lon }: Station | Workshop | Bike) => ({ lat, lon });
const bikeIn = ({ bikeId }: Dock) => (bikeId === undefined ? null : BIKES.get(bikeId));
const priceOf = ({ priceCents }: Ride) => (priceCents === undefined ? null : money(priceCents));
const cityOf = ({ city }: Station) => (city === 'lindhaven' ? 'Lindhaven' : 'Ostwick');
const electric = ({ drive }: Bike) => drive.kind === 'electric';

const STATION: Fields = {
  location: placeOf,
  address: (one: Station) => ({
    street: one.street,
    houseNumber: one.houseNumber,
    postalCode: one.postalCode,
    city: cityOf(one),
    cityCode: upper(one.city),
  }),
  state: ({ state }: Station) => upper(state),
  updatedAt: () => iso(NOW),
  features: ({ amenities }: Station) => ({ amenities, accessible: amenities.includes('roof') }),
  bikesAvailable: ({ id }: Station) => availableAt(id).length,
  electricBikesAvailable: ({ id }: Station) => availableAt(id).filter(electric).length,
  bikes: ({ id }: Station, { first }) => bikes(id, null, first),
  refillPlan: ({ id, capacity, serviceArea }: Station) => ({
    bikesToBring: Math.round(capacity * 0.6) - availableAt(id).length,
    van: `van-${serviceArea.toLowerCase()}`,
  }),
  freeDocks: ({ id }: Station) => docksOf(id).filter(({ state }) => state === 'free').length,
  docks: ({ id }: Station, { state }) => docksOf(id).filter((one) => !state || upper(one.state) === state),
  rides: ({ id }: Station, { first }) => rides({ stationId: id, first }),
};

const BIKE: Fields = {
  frameNumber: ({ frameNumber }: Bike) => String(frameNumber),
  state: ({ state }: Bike) => upper(state),
  station: ({ dock: at }: Bike) => station(at?.stationId),
  dock: ({ dock: at }: Bike) => dock(at),
  position: placeOf,
  drive: ({ drive }: Bike) =>
    drive.kind === 'pedal'
      ? { type: 'PedalDrive', gears: drive.gears }
      : { type: 'ElectricDrive', batteryPercent: drive.batteryPercent, rangeMetres: drive.rangeM },
  odometerMetres: ({ odometerM }: Bike) => String(odometerM),
  lastServiceAt: serviced,
  serviceInterval: () => `${90 * 24 * 3600}s`,
  rides: ({ id }: Bike, asked) => rides({ ...asked, bikeId: id }),
};

const DOCK: Fields = {
  state: ({ state }: Dock) => upper(state),
  changedAt: changed,
  bike: bikeIn,
  reservedFor: () => null,
  station: ({ stationId }: Dock) => station(stationId),
};

const RIDE: Fields = {
  city: ({ city }: Ride) => upper(city),
  rider: ({ riderId }: Ride) => RIDERS.get(riderId),
  bike: ({ bikeId }: Ride) => BIKES.get(bikeId),
  start: ({ from }: Ride) => station(from.stationId),
  startDock: ({ from }: Ride) => dock(from),
  end: ({ to }: Ride) => station(to?.stationId),
  endDock: ({ to }: Ride) => dock(to),
  startedAt: ({ startedAt }: Ride) => iso(startedAt),
  endedAt: ({ endedAt }: Ride) => (endedAt === undefined ? null : iso(endedAt)),
  duration: durationOf,
  distanceMetres: ({ distanceM }: Ride) => distanceM,
  price: priceOf,
};

const RIDER: Fields = {
  homeStation: ({ homeStationId }: Rider) => station(homeStationId),
  membership: ({ plan, renewsOn, autoRenew }: Rider) => ({ plan, renewsOn, autoRenew }),
  badges: ({ id }: Rider, { first }) => {
    const metres = DATA.rides
      .filter(({ riderId }) => riderId === id)
      .reduce((sum, { distanceM }) => sum + distanceM, 0);
    return BADGES.filter((kilometres) => metres >= kilometres * 1000)
      .map((kilometres) => ({ title: `${kilometres} km`, kilometres }))
      .slice(0, Math.max(0, first));
  },
  rides: ({ id }: Rider, asked) => rides({ ...asked, riderId: id }),
  invoices: ({ id }: Rider, { first }) => invoices(id, first),
  balance: balanceOf,
};

const WEB: Resolvers = {
  Query: {
    station: (_, { id }) => station(id),
    stations: (_, asked) => stations(asked),
    places: (_, { text }) => {
      const named = ({ name }: Station | Workshop) => name.toLowerCase().includes(text.toLowerCase());
      const typed = (type: Placed['type']) => (one: Station | Workshop) => ({ ...one, type });
      return [
        ...DATA.stations.filter(named).map(typed('Station')),
        ...DATA.workshops.filter(named).map(typed('Workshop')),
      ];
    },
    bike: (_, { id }) => BIKES.get(id),
    bikes: (_, { stationId, state, first }) => bikes(stationId, state, first),
    dock: (_, at) => dock(at),
    ride: (_, { id }) => RIDES.get(id),
    rides: (_, asked) => rides(asked),
    rider: (_, { id }) => RIDERS.get(id),
    riders: (_, { first }) => firstOf(DATA.riders, first),
    invoice: (_, { id }) => INVOICES.get(id),
  },
  Station: STATION,
  Workshop: { location: placeOf },
  Bike: BIKE,
  Dock: DOCK,
  Ride: RIDE,
  Rider: RIDER,
  Invoice: {
    rider: ({ riderId }: Invoice) => RIDERS.get(riderId),
    issuedAt: ({ issuedAt }: Invoice) => iso(issuedAt),
    status: ({ status }: Invoice) => upper(status),
    total: ({ lines }: Invoice) => money(centsOf(lines)),
  },
  InvoiceLine: {
    ride: ({ rideId }: Invoice['lines'][number]) => (rideId === undefined ? null : RIDES.get(rideId)),
    amount: ({ cents }: Invoice['lines'][number]) => money(cents),
  },
};

const MOBILE: Resolvers = {
  Query: {
    station: WEB.Query!.station!,
    nearby: (_, near) => stations({ near, state: 'IN_SERVICE', first: 5 }),
    trip: WEB.Query!.ride!,
    rider: WEB.Query!.rider!,
  },
  Station: {
    city: cityOf,
    status: ({ state }: Station) => ({ in_service: 'OPEN', closed: 'CLOSED', maintenance: null })[state],
    freeBikes: STATION.bikesAvailable!,
    freeElectricBikes: STATION.electricBikesAvailable!,
    freeSlots: STATION.freeDocks!,
    bikes: ({ id }: Station, { max }) => bikes(id, null, max),
  },
  Bike: { station: BIKE.station! },
  Trip: {
    bike: RIDE.bike!,
    from: RIDE.start!,
    to: RIDE.end!,
    began: RIDE.startedAt!,
    took: durationOf,
    metres: RIDE.distanceMetres!,
    cost: (ride: Ride) => priceOf(ride)?.amount ?? null,
  },
  Rider: {
    owes: (rider: Rider) => balanceOf(rider).amount,
    currency: () => CURRENCY,
    homeStation: RIDER.homeStation!,
    lastTrips: ({ id }: Rider, { max }) => rides({ riderId: id, first: max }),
    currentTrip: ({ id }: Rider) => rides({ riderId: id, running: true, first: 1 }),
  },
};

const SLOT_STATES = { free: 'EMPTY', occupied: 'FULL', faulty: 'BROKEN' };
const VEHICLE_STATES = { available: 'READY', riding: 'IN_USE', workshop: 'RETIRED' };

const IOT: Resolvers = {
  Query: {
    slot: (_, { station: stationId, number }) => dock({ stationId, number }),
    vehicle: WEB.Query!.bike!,
    ready: (_, { station: stationId }) => bikes(stationId, 'AVAILABLE', 50),
  },
  Slot: {
    station: ({ stationId }: Dock) => stationId,
    state: ({ state }: Dock) => SLOT_STATES[state],
    since: changed,
    vehicle: bikeIn,
  },
  Vehicle: {
    frame: BIKE.frameNumber!,
    key: ({ lockKey }: Bike) => lockKey.toString('base64'),
    state: ({ state }: Bike) => VEHICLE_STATES[state],
    slot: BIKE.dock!,
    odometer: BIKE.odometerMetres!,
    serviced,
  },
};

const RESOLVERS: Readonly<Record<string, Resolvers>> = { web: WEB, mobile: MOBILE, iot: IOT };

/** Judges the data of queries. */
export function openBikeShareMonolith(subject: Subject): Witness {
  return openWitness(
    new Map(
      [...subject.views].map(([name, { schema }]) => [
        name,
        toWitnessSchema(printSchema(schema), { resolvers: RESOLVERS[name]!, events: {}, names: {} }),
      ]),
    ),
  );
}

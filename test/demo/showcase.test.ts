import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA } from '../../demo/data.ts';
import { PartReader } from '../doors/part-reader.ts';
import { mergeParts } from '../support/merge-parts.ts';
import { type BikeShare, operation, startBikeShare } from './bike-share.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

const station = DATA.stations[0]!;
const rider = DATA.riders[0]!;

describe('the showcase of each client', () => {
  it('web: all six backends in one answer', async () => {
    const { status, body } = await bikeShare.gateway.query('web', await operation('web', 'showcase'));
    expect(body.errors).toBeUndefined();
    expect(status).toBe(200);
    const docks = DATA.docks.filter(({ stationId }) => stationId === station.id);
    const rides = DATA.rides
      .filter(({ from, to }) => from.stationId === station.id || to?.stationId === station.id)
      .reverse()
      .slice(0, 3);
    expect(body.data).toMatchObject({
      station: {
        name: station.name,
        address: { street: station.street, houseNumber: station.houseNumber, city: 'Lindhaven' },
        bikesAvailable: docks.filter(({ bikeId }) => bikeId !== undefined).length,
        electricBikesAvailable: expect.any(Number),
        refillPlan: { bikesToBring: expect.any(Number), van: `van-${station.serviceArea.toLowerCase()}` },
        freeDocks: docks.filter(({ state }) => state === 'free').length,
        docks: docks
          .filter(({ state }) => state === 'occupied')
          .map(({ number, bikeId }) => {
            const bike = DATA.bikes.find(({ id }) => id === bikeId)!;
            return {
              number,
              bike: {
                id: bike.id,
                model: bike.model,
                frameNumber: String(bike.frameNumber),
                drive:
                  bike.drive.kind === 'pedal'
                    ? { gears: bike.drive.gears }
                    : { batteryPercent: bike.drive.batteryPercent, rangeMetres: bike.drive.rangeM },
              },
            };
          }),
        rides: rides.map((ride) => {
          const whose = DATA.riders.find(({ id }) => id === ride.riderId)!;
          return {
            id: ride.id,
            start: { name: nameOf(ride.from.stationId) },
            end: ride.to === undefined ? null : { name: nameOf(ride.to.stationId) },
            price: ride.priceCents === undefined ? null : { amount: money(ride.priceCents), currency: 'EUR' },
            rider: {
              name: whose.name,
              membership: { plan: whose.plan, renewsOn: whose.renewsOn },
              balance: { currency: 'EUR' },
              invoices: DATA.invoices
                .filter(({ riderId }) => riderId === whose.id)
                .slice(-1)
                .map(({ id, period, lines }) => ({
                  id,
                  period,
                  total: {
                    amount: money(lines.reduce((sum, { cents }) => sum + cents, 0)),
                    currency: 'EUR',
                  },
                  lines: lines.map(({ text, cents }) => ({ text, amount: { amount: money(cents) } })),
                })),
            },
          };
        }),
      },
    });
  });

  it('mobile: flat, renamed, with locked arguments', async () => {
    const { body } = await bikeShare.gateway.query('mobile', await operation('mobile', 'showcase'));
    expect(body.errors).toBeUndefined();
    const home = DATA.stations.find(({ id }) => id === rider.homeStationId)!;
    expect(body.data).toMatchObject({
      rider: {
        name: rider.name,
        plan: rider.plan,
        owes: expect.stringMatching(/^-\d+(\.\d+)?$/),
        currency: 'EUR',
        homeStation: { name: home.name, freeBikes: expect.any(Number), freeSlots: expect.any(Number) },
        lastTrips: DATA.rides
          .filter(({ riderId }) => riderId === rider.id)
          .reverse()
          .slice(0, 3)
          .map(({ id, distanceM, priceCents }) => ({
            id,
            metres: distanceM,
            cost: priceCents === undefined ? null : money(priceCents),
          })),
      },
    });
    const nearby = (body.data as { nearby: Array<{ id: string; status: string }> }).nearby;
    expect(nearby).toHaveLength(5);
    expect(nearby[0]).toMatchObject({ id: 'st-01', status: 'OPEN' });
  });

  it('iot: docks and bikes in words of its own', async () => {
    const { body } = await bikeShare.gateway.query('iot', await operation('iot', 'showcase'));
    expect(body.errors).toBeUndefined();
    const dock = DATA.docks[0]!;
    const bike = DATA.bikes.find(({ id }) => id === dock.bikeId)!;
    expect(body.data).toMatchObject({
      slot: {
        station: dock.stationId,
        number: 1,
        state: 'FULL',
        vehicle: {
          id: bike.id,
          frame: String(bike.frameNumber),
          key: bike.lockKey.toString('base64'),
          state: 'READY',
        },
      },
      ready: DATA.bikes
        .filter(({ dock: at }) => at?.stationId === station.id)
        .map(({ id, odometerM, dock: at }) => ({
          id,
          odometer: String(odometerM),
          slot: { number: at?.number, state: 'FULL' },
        })),
    });
  });
});

describe('the other operations of the clients', () => {
  it('find stations and workshops by the same search', async () => {
    const search = await operation('web', 'search');
    const { body } = await bikeShare.gateway.query('web', search, { variables: { text: 'central' } });
    expect(body).toEqual({
      data: {
        places: [
          expect.objectContaining({ __typename: 'Station', id: 'st-01', name: 'Central Station' }),
          expect.objectContaining({
            __typename: 'Workshop',
            id: 'ws-1',
            name: 'Central Workshop',
            stands: 4,
          }),
        ],
      },
    });
  });

  it('show a rider with invoices whose lines lead to rides and stations', async () => {
    const page = await operation('web', 'rider-page');
    const { body } = await bikeShare.gateway.query('web', page, { variables: { id: rider.id } });
    expect(body.errors).toBeUndefined();
    const lines = DATA.invoices.filter(({ riderId }) => riderId === rider.id).at(-1)!.lines;
    expect(body.data).toMatchObject({
      rider: {
        email: rider.email,
        badges: [{ title: '25 km' }, { title: '10 km' }],
        invoices: [
          {
            status: 'OPEN',
            lines: lines.map(({ text, rideId }) => ({
              text,
              ride: rideId === undefined ? null : { start: { name: expect.any(String) } },
            })),
          },
          { status: 'PAID' },
        ],
      },
    });
  });

  it('show a station at once, and its rides when billing has answered', async () => {
    const page = await operation('web', 'station-page');
    const variables = { id: station.id };
    const parts = await (await PartReader.open(bikeShare.gateway, page, { variables })).rest();
    expect(parts[0]).toEqual({
      data: { station: expect.objectContaining({ name: station.name, freeDocks: expect.any(Number) }) },
      pending: [{ id: '0', path: ['station'], label: 'rides' }],
      hasNext: true,
    });
    expect(parts[0]?.data.station).not.toHaveProperty('rides');
    const { body } = await bikeShare.gateway.query('web', page, { variables });
    expect(mergeParts(parts).data).toEqual(body.data);
    expect(body.data.station.rides).toHaveLength(5);
  });

  it('hide from the app what its enum leaves out', async () => {
    const station = DATA.stations.find(({ state }) => state === 'maintenance')!;
    const { body } = await bikeShare.gateway.query('mobile', await operation('mobile', 'station'), {
      variables: { id: station.id },
    });
    expect(body.data).toMatchObject({ station: { name: station.name, status: null } });
    expect(body.errors).toMatchObject([
      { path: ['station', 'status'], extensions: { code: 'HIDDEN_VALUE' } },
    ]);
  });

  it('find nothing without an error', async () => {
    const { body } = await bikeShare.gateway.query(
      'web',
      `{ station(id: "none") { name } bike(id: "none") { model } dock(stationId: "st-01", number: 99) { state }
         ride(id: "none") { id } rider(id: "none") { name } invoice(id: "none") { total { amount } } }`,
    );
    expect(body).toEqual({
      data: { station: null, bike: null, dock: null, ride: null, rider: null, invoice: null },
    });
  });
});

function nameOf(stationId: string): string | undefined {
  return DATA.stations.find(({ id }) => id === stationId)?.name;
}

function money(cents: number): string {
  return (cents / 100).toFixed(2);
}

import { describe, expect, it } from 'vitest';
import { DATA, NOW } from '../../demo/data.ts';
import { Dice } from '../../demo/dice.ts';

const stations = new Map(DATA.stations.map((station) => [station.id, station]));
const bikes = new Map(DATA.bikes.map((bike) => [bike.id, bike]));
const riders = new Map(DATA.riders.map((rider) => [rider.id, rider]));
const rides = new Map(DATA.rides.map((ride) => [ride.id, ride]));

describe('the data set', () => {
  it('has the size of a small city', () => {
    expect(DATA.stations).toHaveLength(40);
    expect(DATA.bikes).toHaveLength(150);
    expect(DATA.riders).toHaveLength(30);
    expect(rides.size).toBe(DATA.rides.length);
    expect(new Set(DATA.invoices.map(({ id }) => id)).size).toBe(DATA.invoices.length);
  });

  it('has each docked bike in exactly one dock, and each occupied dock with its bike', () => {
    const docked = DATA.docks.filter(({ bikeId }) => bikeId !== undefined);
    expect(docked).toHaveLength(DATA.bikes.filter(({ dock }) => dock !== undefined).length);
    for (const { stationId, number, bikeId, state } of docked) {
      expect(state).toBe('occupied');
      expect(bikes.get(bikeId ?? '')?.dock).toEqual({ stationId, number });
    }
  });

  it('refers only to what exists', () => {
    for (const ride of DATA.rides) {
      expect(riders.has(ride.riderId) && bikes.has(ride.bikeId) && stations.has(ride.from.stationId)).toBe(
        true,
      );
      if (ride.to !== undefined) {
        expect(ride.to.number).toBeLessThanOrEqual(stations.get(ride.to.stationId)?.capacity ?? 0);
      }
      expect(ride.startedAt).toBeLessThan(NOW);
    }
    for (const { riderId, lines } of DATA.invoices) {
      expect(riders.has(riderId)).toBe(true);
      expect(
        lines.every(({ rideId }) => rideId === undefined || rides.get(rideId)?.riderId === riderId),
      ).toBe(true);
    }
  });

  it('comes out the same every time', () => {
    const [one, two] = [new Dice(7), new Dice(7)];
    expect(Array.from({ length: 100 }, () => one.next())).toEqual(
      Array.from({ length: 100 }, () => two.next()),
    );
    expect(DATA.rides[0]).toMatchObject({
      id: 'rn-5001',
      riderId: 'rd-07',
      bikeId: 'bk-1149',
      priceCents: 820,
    });
  });
});

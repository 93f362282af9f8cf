import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA } from '../../demo/data.ts';
import type { BackendName } from '../../demo/start.ts';
import { makeDemoKeys } from '../../src/cli/demo-keys.ts';
import { startGatewayIn } from '../support/gateway.ts';
import { type BikeShare, REPOSITORY, startBikeShare } from './bike-share.ts';

/** Well below the operation's deadline of hem.yml: what is down is known at once, or after the connect timeout. */
const ANSWER_WITHIN_MS = 6000;
const RECOVER_WITHIN_MS = 15_000;

const FREE_DOCKS = DATA.docks.filter(
  ({ stationId, state }) => stationId === 'st-01' && state === 'free',
).length;

const EVERYTHING = /* GraphQL */ `
  {
    station(id: "st-01") { name bikesAvailable electricBikesAvailable freeDocks rides(first: 1) { id bike { model } } }
    bike(id: "bk-1040") { model station { name } rides(first: 1) { distanceMetres } }
    dock(stationId: "st-02", number: 1) { state station { name } }
    rider(id: "rd-01") { name balance { amount } rides(first: 1) { id bike { model } start { name freeDocks } } }
    ride(id: "rn-5001") { distanceMetres rider { name balance { currency } } }
    invoice(id: "in-202605-01") { id rider { name } }
  }
`;

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

async function ask() {
  const startedAt = performance.now();
  const { body } = await bikeShare.gateway.query('web', EVERYTHING);
  return { body, elapsedMs: performance.now() - startedAt };
}

/** What answers without each backend. */
type Connected = Exclude<BackendName, 'identity'>;
const WITHOUT: Readonly<Record<Connected, unknown>> = {
  stations: {
    station: null,
    bike: { model: expect.any(String), station: { name: null } },
    rider: { name: 'Ada Brandt' },
  },
  fleet: {
    station: {
      name: 'Central Station',
      bikesAvailable: null,
      electricBikesAvailable: 0,
      freeDocks: FREE_DOCKS,
    },
    bike: null,
  },
  billing: {
    rider: { name: 'Ada Brandt', balance: null },
    invoice: null,
    ride: { rider: { balance: null } },
  },
  docks: { station: { name: 'Central Station', bikesAvailable: 3, freeDocks: null }, dock: null },
  rides: {
    station: { name: 'Central Station', rides: null },
    ride: null,
    rider: { name: 'Ada Brandt', rides: null },
  },
  riders: {
    rider: null,
    ride: { distanceMetres: DATA.rides[0]?.distanceM, rider: { name: null, balance: { currency: 'EUR' } } },
  },
};

describe('when one backend is down', () => {
  it.each(Object.keys(WITHOUT) as Connected[])(
    '%s: the rest is answered, the errors name it, and it recovers without a restart',
    { timeout: 60_000 },
    async (name) => {
      await expect
        .poll(async () => (await ask()).body.errors, { timeout: RECOVER_WITHIN_MS, interval: 250 })
        .toBeUndefined();
      const backend = bikeShare.demo.backends[name];
      await backend.stop();
      for (const round of [1, 2]) {
        const { body, elapsedMs } = await ask();
        expect(elapsedMs, `round ${round}`).toBeLessThan(ANSWER_WITHIN_MS);
        expect(body.data).toMatchObject(WITHOUT[name] as object);
        const errors = body.errors ?? [];
        expect(errors.length).toBeGreaterThan(0);
        expect([...new Set(errors.map(({ extensions }) => extensions.connector))]).toEqual([name]);
        for (const { extensions, message } of errors) {
          expect(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_CIRCUIT_OPEN']).toContain(
            extensions.code,
          );
          expect(message).not.toMatch(/ECONN|127\.0\.0\.1/);
        }
      }
      await backend.start();
      await expect
        .poll(async () => (await ask()).body.errors, { timeout: RECOVER_WITHIN_MS, interval: 250 })
        .toBeUndefined();
    },
  );

  it('the broker: rides fail at once and come back with it', { timeout: 60_000 }, async () => {
    const { broker } = bikeShare.demo;
    await broker?.stop();
    const { body, elapsedMs } = await ask();
    expect(elapsedMs).toBeLessThan(ANSWER_WITHIN_MS);
    expect(body.data).toMatchObject(WITHOUT.rides as object);
    await broker?.start();
    await expect
      .poll(async () => (await ask()).body.errors, { timeout: RECOVER_WITHIN_MS, interval: 250 })
      .toBeUndefined();
  });

  it('all of them, when the gateway starts: it waits for nobody, and serves each as it comes', {
    timeout: 60_000,
  }, async () => {
    const backends = Object.values(bikeShare.demo.backends);
    await Promise.all(backends.map((backend) => backend.stop()));
    const HEM_STORE = `${bikeShare.environment.HEM_STORE}.early`;
    await using early = await startGatewayIn(REPOSITORY, { ...bikeShare.environment, HEM_STORE });
    const keys = await makeDemoKeys(early.gateway.registry!);
    const known = early.as({ 'x-api-key': keys.find(({ plan }) => plan === 'partner')!.key });
    const errorsOf = async () => (await known.query('web', EVERYTHING)).body.errors;
    const connectors = ((await errorsOf()) ?? []).map(({ extensions }) => extensions.connector);
    expect([...new Set(connectors)].sort()).toEqual(Object.keys(WITHOUT).sort());
    await Promise.all(backends.map((backend) => backend.start()));
    await expect.poll(errorsOf, { timeout: RECOVER_WITHIN_MS, interval: 250 }).toBeUndefined();
  });

  it('says where a fallback stood in', async () => {
    const { fleet } = bikeShare.demo.backends;
    await fleet.stop();
    const { body } = await bikeShare.gateway.query(
      'web',
      '{ station(id: "st-01") { electricBikesAvailable } }',
    );
    expect(body).toMatchObject({
      data: { station: { electricBikesAvailable: 0 } },
      extensions: { fallbacks: [{ coordinate: 'Station.electricBikesAvailable', connector: 'fleet' }] },
    });
    expect(body.errors).toBeUndefined();
    await fleet.start();
  });
});

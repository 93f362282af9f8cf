import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BikeShare, operation, startBikeShare } from './bike-share.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

async function run(client: string, document: string, variables?: Record<string, unknown>) {
  const { body } = await bikeShare.gateway.query(client, document, { variables });
  return body;
}

describe('mutations', () => {
  it('REST: a station is changed, added, and refused when its name is taken', async () => {
    const close = 'mutation { changeStation(id: "st-05", state: CLOSED) { name state bikesAvailable } }';
    expect(await run('web', close)).toEqual({
      data: {
        changeStation: { name: 'Ferry Terminal', state: 'CLOSED', bikesAvailable: expect.any(Number) },
      },
    });
    expect(await run('web', '{ station(id: "st-05") { state } }')).toEqual({
      data: { station: { state: 'CLOSED' } },
    });
    const add = `mutation ($input: NewStationInput!) {
      addStation(input: $input) { id name capacity address { street cityCode } location { lat } } }`;
    const input = {
      name: 'Salt Store',
      street: 'Salzgasse',
      location: { lat: 54.32, lon: 10.14 },
      capacity: 6,
    };
    expect(await run('web', add, { input })).toEqual({
      data: {
        addStation: {
          id: 'st-41',
          name: 'Salt Store',
          capacity: 6,
          address: { street: 'Salzgasse', cityCode: 'LINDHAVEN' },
          location: { lat: 54.32 },
        },
      },
    });
    const again = await run('web', add, { input });
    expect(again.data).toEqual({ addStation: null });
    expect(again.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_CONFLICT', connector: 'stations' } },
    ]);
  });

  it('gRPC: a bike is taken out of service, once', async () => {
    const retire =
      'mutation { setBikeState(id: "bk-1100", state: WORKSHOP, reason: "brakes") { id state station { id } } }';
    expect(await run('web', retire)).toEqual({
      data: { setBikeState: { id: 'bk-1100', state: 'WORKSHOP', station: null } },
    });
    expect((await run('web', retire)).errors).toMatchObject([
      { path: ['setBikeState'], extensions: { code: 'UPSTREAM_CONFLICT', connector: 'fleet' } },
    ]);
  });

  it('SOAP: a paid invoice is refunded, an open one is not', async () => {
    const refund =
      'mutation ($id: ID!) { refundInvoice(id: $id, reason: "closed lock") { id status total { amount } rider { name } } }';
    expect(await run('web', refund, { id: 'in-202604-02' })).toMatchObject({
      data: { refundInvoice: { id: 'in-202604-02', status: 'REFUNDED', rider: { name: 'Bilal Aydin' } } },
    });
    const refused = await run('web', refund, { id: 'in-202605-02' });
    expect(refused.data).toEqual({ refundInvoice: null });
    expect(refused.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_REJECTED', connector: 'billing' } },
    ]);
    expect(JSON.stringify(refused.errors)).toContain('it is open');
  });

  it('websocket: a dock is held and released', async () => {
    const hold = await operation('iot', 'hold-slot');
    const variables = { station: 'st-03', number: 8, holder: 'rd-02' };
    expect(await run('iot', hold, variables)).toMatchObject({
      data: { holdSlot: { number: 8, state: 'HELD' } },
    });
    expect(
      await run('web', '{ dock(stationId: "st-03", number: 8) { state reservedFor { name } } }'),
    ).toEqual({
      data: { dock: { state: 'RESERVED', reservedFor: { name: 'Bilal Aydin' } } },
    });
    expect((await run('iot', hold, variables)).errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_CONFLICT', connector: 'docks' } },
    ]);
    expect(await run('iot', 'mutation { freeSlot(station: "st-03", number: 8) { state } }')).toEqual({
      data: { freeSlot: { state: 'EMPTY' } },
    });
  });

  it('AMQP: a ride is started and ended, and joined with its new end', async () => {
    const started = await run(
      'web',
      'mutation { startRide(riderId: "rd-25", bikeId: "bk-1060", stationId: "st-02", dock: 3) { id endedAt rider { name } } }',
    );
    expect(started).toMatchObject({ data: { startRide: { endedAt: null, rider: { name: 'Yusuf Kaya' } } } });
    const { id } = (started.data as { startRide: { id: string } }).startRide;
    const end = await operation('web', 'end-ride');
    const ended = await run('web', end, { ride: id, station: 'st-01', dock: 9 });
    expect(ended).toMatchObject({
      data: {
        endRide: {
          id,
          duration: 'PT10M',
          price: { amount: '1.00', currency: 'EUR' },
          end: { name: 'Central Station' },
        },
      },
    });
    expect((await run('web', end, { ride: id, station: 'st-01', dock: 9 })).errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_CONFLICT', connector: 'rides' } },
    ]);
  });

  it('AMQP: a report is published and confirmed', async () => {
    expect(await run('mobile', 'mutation { reportFlatTyre(trip: "rn-5361") { messageId } }')).toEqual({
      data: { reportFlatTyre: { messageId: expect.any(String) } },
    });
  });

  it('GraphQL: a plan is changed, and refused when it is the same', async () => {
    const change =
      'mutation { changePlan(riderId: "rd-10", plan: YEARLY, autoRenew: false) { name membership { plan autoRenew } } }';
    const back = change.replace('YEARLY', 'MONTHLY');
    await run('web', back);
    expect(await run('web', change)).toEqual({
      data: { changePlan: { name: 'Jonas Petersen', membership: { plan: 'YEARLY', autoRenew: false } } },
    });
    expect((await run('web', change)).errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_REJECTED', connector: 'riders' } },
    ]);
  });

  it('REST: a photo is uploaded as a file', async () => {
    const form = new FormData();
    const query =
      'mutation ($photo: Upload!) { addStationPhoto(id: "st-01", photo: $photo, caption: "new roof") { fileName mediaType bytes caption station { name } } }';
    form.append('operations', JSON.stringify({ query, variables: { photo: null } }));
    form.append('map', JSON.stringify({ 0: ['variables.photo'] }));
    form.append('0', new File([Buffer.alloc(2048, 7)], 'roof.png', { type: 'image/png' }));
    const response = await bikeShare.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'x-requested-with': 'test', 'apollo-require-preflight': 'true' },
      body: form,
    });
    expect(await response.json()).toEqual({
      data: {
        addStationPhoto: {
          fileName: 'roof.png',
          mediaType: 'image/png',
          bytes: 2048,
          caption: 'new roof',
          station: { name: 'Central Station' },
        },
      },
    });
  });
});

describe('subscriptions', () => {
  it('gRPC: a ridden bike moves', async () => {
    const events = await take(3, 'mobile', await operation('mobile', 'follow-bike'), {
      variables: { id: 'bk-1001' },
    });
    const positions = events.map(({ data }) => (data as { bikePosition: { lat: number } }).bikePosition.lat);
    expect(new Set(positions).size).toBe(3);
  });

  it('websocket: a dock changes, joined with its rider', async () => {
    let held = false;
    const events = await take(
      2,
      'web',
      'subscription { dockChanged(stationId: "st-07") { number state reservedFor { name } station { name } } }',
      {
        meanwhile: async () => {
          const args = 'stationId: "st-07", number: 8';
          await run(
            'web',
            `mutation { ${held ? `releaseDock(${args})` : `reserveDock(${args}, riderId: "rd-04")`} { state } }`,
          );
          held = !held;
        },
      },
    );
    const docks = events.map(({ data }) => (data as { dockChanged: { state: string } }).dockChanged);
    expect(docks.find(({ state }) => state === 'RESERVED')).toEqual({
      number: 8,
      state: 'RESERVED',
      reservedFor: { name: 'Dmitri Volkov' },
      station: { name: 'Opera' },
    });
    expect(docks.find(({ state }) => state === 'FREE')).toMatchObject({ reservedFor: null });
  });

  it('AMQP: what happens to the rides of one city, each kind in its own shape', async () => {
    const [event] = await take(1, 'web', await operation('web', 'live-map'), {
      variables: { city: 'LINDHAVEN' },
      meanwhile: () =>
        run('web', 'mutation { reportRide(rideId: "rn-5001", problem: BRAKES, note: "worn") { published } }'),
    });
    expect(event).toMatchObject({
      data: {
        rideEvents: {
          __typename: 'RideReported',
          problem: 'BRAKES',
          note: 'worn',
          ride: {
            id: 'rn-5001',
            rider: { name: 'Greta Lindqvist' },
            bike: { id: 'bk-1149', position: { lat: expect.any(Number) } },
          },
        },
      },
    });
  });

  it('GraphQL: a membership changes', async () => {
    let plan = 'MONTHLY';
    const [event] = await take(
      1,
      'mobile',
      'subscription { planChanged(riderId: "rd-11") { name plan homeStation { name } } }',
      {
        meanwhile: async () => {
          plan = plan === 'MONTHLY' ? 'YEARLY' : 'MONTHLY';
          await run('web', `mutation { changePlan(riderId: "rd-11", plan: ${plan}) { id } }`);
        },
      },
    );
    expect(event).toMatchObject({
      data: {
        planChanged: {
          name: 'Kaja Nowak',
          plan: expect.stringMatching(/LY$/),
          homeStation: { name: expect.any(String) },
        },
      },
    });
  });
});

interface TakeOptions {
  readonly variables?: Record<string, unknown>;
  /** Makes something happen; repeated until enough has been heard, because a subscription takes a moment to stand. */
  readonly meanwhile?: () => Promise<unknown>;
}

async function take(
  count: number,
  client: string,
  document: string,
  { variables, meanwhile }: TakeOptions = {},
) {
  const stop = new AbortController();
  const trigger = (async () => {
    for (let round = 0; meanwhile !== undefined && !stop.signal.aborted && round < 60; round++) {
      await meanwhile();
      await sleep(250);
    }
  })();
  const events: Array<{ data?: unknown; errors?: unknown }> = [];
  try {
    for await (const event of bikeShare.gateway.subscribe(client, document, { variables })) {
      events.push(event);
      if (events.length === count) break;
    }
  } finally {
    stop.abort();
    await trigger;
  }
  return events;
}

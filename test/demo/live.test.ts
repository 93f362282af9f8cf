import { expect, it } from 'vitest';
import { startBikeShare } from './bike-share.ts';

it('left alone, the live bike-share has something to say to every subscription over docks, bikes and rides', async () => {
  await using bikeShare = await startBikeShare(true);
  const firstOf = async (client: string, document: string) => {
    for await (const event of bikeShare.gateway.subscribe(client, document)) return event;
    throw new Error('ended without an event');
  };
  const [dock, bike, ride] = await Promise.all([
    firstOf('iot', 'subscription { slotChanged(station: "st-04") { station state } }'),
    firstOf('iot', 'subscription { vehicleMoved(id: "bk-1002") { id state } }'),
    firstOf('web', 'subscription { rideEvents(city: LINDHAVEN) { __typename ride { rider { name } } } }'),
  ]);
  expect(dock).toEqual({ data: { slotChanged: { station: 'st-04', state: 'HELD' } } });
  expect(bike).toEqual({ data: { vehicleMoved: { id: 'bk-1002', state: 'IN_USE' } } });
  expect(ride).toMatchObject({
    data: { rideEvents: { __typename: 'RideMoved', ride: { rider: { name: expect.any(String) } } } },
  });
});

/** Every client endpoint of the example passes the public audits of GraphQL over HTTP. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BikeShare, startBikeShare } from '../demo/bike-share.ts';
import { failedAudits } from './audits.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

it.each(['web', 'mobile', 'iot'])('%s passes all 61', async (client) => {
  expect(await failedAudits(`${bikeShare.gateway.url}/${client}/graphql`)).toEqual([]);
});

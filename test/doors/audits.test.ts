/** Every client endpoint of the example passes the public audits of GraphQL over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BikeShare, startBikeShare } from '../demo/bike-share.ts';
import { failedAudits } from './audits.ts';
import { atBothDoors, hasTwoDoors, type Seen } from './doors.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

/** With a key. */
const known = ((url: string, init?: RequestInit) => {
  const { pathname, search } = new URL(url);
  return bikeShare.gateway.fetch(pathname + search, init);
}) as typeof fetch;

it.each(['web', 'mobile', 'iot'])('%s passes all 61', async (client) => {
  expect(await failedAudits(`${bikeShare.gateway.url}/${client}/graphql`, known)).toEqual([]);
});

describe.each(['short', 'broad'] as const)('at the %s door', (door) => {
  it.each(['web', 'mobile', 'iot'])(
    '%s passes all 61, and the other door answers the same',
    async (client) => {
      const compared: Array<{ readonly short: Seen; readonly broad: Seen }> = [];
      const { gateway } = bikeShare;
      const fetchAtDoor = async (url: string, init: RequestInit = {}) => {
        if (!hasTwoDoors(init)) return known(url, init);
        const both = await atBothDoors(gateway, new URL(url).pathname, init);
        compared.push(both);
        const { status, headers, text } = both[door];
        return new Response(text, { status, headers });
      };
      expect(await failedAudits(`${gateway.url}/${client}/graphql`, fetchAtDoor as typeof fetch)).toEqual([]);
      expect(compared.length).toBeGreaterThan(40);
      for (const { short, broad } of compared) expect(short).toEqual(broad);
    },
  );
});

/** What operators ask of the whole graph: joins that stitching does, over the same backends. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BikeShare, startBikeShare } from './bike-share.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

async function ask(query: string): Promise<unknown> {
  const { adminUrl, gateway } = bikeShare.gateway;
  const response = await fetch(`${adminUrl}/graph`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.adminToken}` },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

it('joins below an object that was joined itself, without its key being asked for', async () => {
  expect(await ask('{ rider(id: "rd-01") { rides(first: 1) { id start { name } } } }')).toEqual({
    data: { rider: { rides: [{ id: 'rn-5361', start: { name: 'Central Station' } }] } },
  });
  expect(await ask('{ station(id: "st-01") { rides(first: 1) { rider { name } } } }')).toEqual({
    data: { station: { rides: [{ rider: { name: 'Ada Brandt' } }] } },
  });
});

it('shows nothing of the fields by which stitching enters connectors', async () => {
  const { data } = (await ask('{ __schema { types { name fields { name } } } }')) as {
    data: { __schema: { types: Array<{ name: string; fields: Array<{ name: string }> | null }> } };
  };
  const names = data.__schema.types.flatMap(({ name, fields }) => [
    name,
    ...(fields ?? []).map((field) => field.name),
  ]);
  expect(names.filter((name) => /^_[hH]em/.test(name))).toEqual([]);
});

/** Weights and sizes that stand in a federation subgraph, under whatever names it links them by. */
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';

const SUBGRAPH = `
extend schema @link(
  url: "https://specs.apollo.dev/federation/v2.9"
  import: ["@key", "@cost", { name: "@listSize", as: "@sized" }]
)
type Query {
  dear: Int @cost(weight: 7)
  linked: Int @federation__cost(weight: 5)
  books(first: Int): [Book!] @sized(slicingArguments: ["first"], requireOneSlicingArgument: false, assumedSize: 4)
}
type Book @key(fields: "id") @cost(weight: 3) { id: ID! }
`;

test('they count as everywhere', async () => {
  await using backend = await startJsonBackend(() => ({ data: {} }));
  await using gateway = await startGateway({
    files: {
      'connectors/sub/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nfederation: true`,
      'connectors/sub/schema.graphql': SUBGRAPH,
      'clients/web/client.yml': 'cost: { maximum: 0 }',
      'schemas/web.graphql':
        'type Query { dear: Int  linked: Int  books(first: Int): [Book!] }\ntype Book { id: ID! }',
    },
  });
  const costOf = async (query: string) =>
    (await gateway.query('web', query)).body.errors?.[0]?.extensions.cost;
  expect(await costOf('{ dear }')).toBe(7);
  expect(await costOf('{ linked }')).toBe(5);
  expect(await costOf('{ books { id } }')).toBe(12);
  expect(await costOf('{ books(first: 9) { id } }')).toBe(27);
});

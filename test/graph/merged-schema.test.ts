/** The graph's schema: what stitching would make of the connectors, but made without it; and where they differ, the weaker promise. */
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { stitchGraph } from '../../src/execute/stitched.ts';
import { loadGeneration } from '../../src/generation.ts';
import { openNasty } from '../oracle/nasty.ts';
import { startGateway } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';

const print = (schema: GraphQLSchema) => printSchema(lexicographicSortSchema(schema));

describe('is the stitched one', () => {
  test('of the bike-share', async () => {
    const { graph } = await loadGeneration(ROOT, {});
    expect(print(graph.schema)).toBe(print(stitchGraph(graph)));
  });

  test('of the oracles', async () => {
    await using subject = await openNasty();
    const { graph } = subject.generation;
    expect(print(graph.schema)).toBe(print(stitchGraph(graph)));
  });
});

describe('nullability that differs: the weaker holds', () => {
  const connector = (name: string, city: string, tags: string) => ({
    [`connectors/${name}/connector.yml`]: 'kind: rest\nendpoint: http://127.0.0.1:9\n',
    [`connectors/${name}/schema.graphql`]: `
      type Query { ${name}: Place @rest(get: "/${name}") }
      type Place @shareable { city: ${city}  tags: ${tags} }
    `,
  });
  const start = (view: string, ...connectors: ReadonlyArray<Record<string, string>>) =>
    startGateway({
      files: {
        ...Object.assign({}, ...connectors),
        'clients/web/client.yml': '{}',
        'schemas/web.graphql': view,
      },
    });
  const strong = ['String!', '[String!]!'] as const;
  const weak = ['String', '[String]!'] as const;

  test.each([
    ['first', connector('a', ...strong), connector('b', ...weak)],
    ['last', connector('a', ...weak), connector('b', ...strong)],
  ])('where the stronger comes %s', async (_order, a, b) => {
    await using gateway = await start(
      'type Query { a: Place } type Place { city: String tags: [String]! }',
      a,
      b,
    );
    expect(gateway.url).toBeTruthy();
    for (const field of ['city: String!', 'tags: [String!]!'])
      await expect(start(`type Query { a: Place } type Place { ${field} }`, a, b)).rejects.toThrow(
        'field-type',
      );
  });
});

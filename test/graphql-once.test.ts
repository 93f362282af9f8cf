/** vitest can load graphql twice (its `development` copy beside the plain one), and every `instanceof` between the two fails. */
import { createRequire } from 'node:module';
import { stitchSchemas } from '@graphql-tools/stitch';
import * as graphql from 'graphql';
import { createSchema } from 'graphql-yoga';
import { describe, expect, test } from 'vitest';

const SDL = 'type Query { one: Int }';

describe('one copy of graphql', () => {
  test('imported and required', () => {
    const required: typeof graphql = createRequire(import.meta.url)('graphql');
    expect(required.GraphQLSchema).toBe(graphql.GraphQLSchema);
  });

  test.each([
    ['graphql', () => graphql.buildSchema(SDL)],
    ['@graphql-tools/stitch', () => stitchSchemas({ subschemas: [graphql.buildSchema(SDL)] })],
    ['graphql-yoga', () => createSchema({ typeDefs: SDL })],
  ])('in the schema that %s makes', (_library, make) => {
    const schema = make();
    expect(schema).toBeInstanceOf(graphql.GraphQLSchema);
    expect(schema.getQueryType()).toBeInstanceOf(graphql.GraphQLObjectType);
    expect(graphql.validateSchema(schema)).toEqual([]);
  });
});

import type { ConnectorKind } from '../kind.ts';
import { bind, type GraphqlBinding } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { translate } from './federation/translate.ts';
import { type GraphqlSpec, load } from './load.ts';
import { directives, type GraphqlOptions, options } from './options.ts';

export const graphql = {
  kind: 'graphql',
  summary: 'GraphQL servers, and Apollo Federation subgraphs as they are',
  protocols: ['http:', 'https:'],
  options,
  directives,
  selective: true,
  supports: { query: true, mutation: true, subscription: true },
  load,
  translate,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<GraphqlOptions, GraphqlSpec, GraphqlBinding>;

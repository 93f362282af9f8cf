import { defineConfig, loadGraphQLHTTPSubgraph } from '@graphql-mesh/compose-cli';

export const composeConfig = defineConfig({
  subgraphs: [{ sourceHandler: loadGraphQLHTTPSubgraph('rides', { endpoint: process.env.RIDES_URL }) }],
});

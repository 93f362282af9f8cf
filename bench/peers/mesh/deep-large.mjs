import { defineConfig } from '@graphql-mesh/compose-cli';
import { loadOpenAPISubgraph } from '@omnigraph/openapi';

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadOpenAPISubgraph('network', {
        source: './openapi/deep-large.network.yaml',
        endpoint: process.env.NETWORK_URL,
      }),
    },
  ],
});

import { defineConfig } from '@graphql-mesh/compose-cli';
import { loadOpenAPISubgraph } from '@omnigraph/openapi';

const { STATIONS_URL, FLEET_URL } = process.env;

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadOpenAPISubgraph('stations', {
        source: './openapi/list-join.stations.yaml',
        endpoint: STATIONS_URL,
      }),
    },
    {
      sourceHandler: loadOpenAPISubgraph('fleet', {
        source: './openapi/list-join.fleet.yaml',
        endpoint: FLEET_URL,
      }),
    },
  ],
  additionalTypeDefs: /* GraphQL */ `
    extend type Station {
      fleet: Fleet
        @resolveTo(
          sourceName: "fleet"
          sourceTypeName: "Query"
          sourceFieldName: "fleetAtStations"
          requiredSelectionSet: "{ id }"
          keyField: "id"
          keysArg: "ids"
        )
    }
  `,
});

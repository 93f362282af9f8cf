/** The files of which `hem json-schema` knows the shape. */
export const FILES_WITH_SCHEMA = ['hem.yml', 'client.yml', 'plans.yml', 'connector.yml'] as const;

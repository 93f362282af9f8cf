/** `hem json-schema`: the shapes of the YAML files as JSON Schema, derived from what loading checks. */
import { z } from 'zod';
import { KINDS } from '../connectors/registry.ts';
import { commonSettings } from '../connectors/settings.ts';
import { plansSettings } from '../load/settings/plan-settings.ts';
import { clientSettings, hemSettings } from '../load/settings/settings.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';
import { FILES_WITH_SCHEMA } from './schema-files.ts';

/** Per file a function, because the schemas are large and rarely asked for. */
export const JSON_SCHEMAS: Readonly<Record<(typeof FILES_WITH_SCHEMA)[number], () => Promise<object>>> = {
  'hem.yml': async () => toSchema(hemSettings, 'hem.yml'),
  'client.yml': async () => toSchema(clientSettings, 'clients/<client>/client.yml'),
  'plans.yml': async () => toSchema(plansSettings, 'clients/plans.yml'),
  'connector.yml': async () => ({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'connectors/<name>/connector.yml',
    anyOf: (await Promise.all(KINDS.map((registered) => registered.import()))).map((one) => {
      const { kind, summary, options } = one;
      const own = commonSettings.extend({ kind: z.literal(kind), ...options.shape }).strict();
      const { $schema: _same, ...schema } = toSchema(own, kind) as Record<string, unknown>;
      return { ...schema, description: summary };
    }),
  }),
};

/** @returns the exit code */
export async function printJsonSchema(file: string): Promise<number> {
  const known = FILES_WITH_SCHEMA.find((one) => one === file);
  if (known === undefined) {
    console.error(`hem: there is no schema of "${file}"; there are ${FILES_WITH_SCHEMA.join(', ')}`);
    return EXIT_UNUSABLE;
  }
  console.log(JSON.stringify(await JSON_SCHEMAS[known](), null, 2));
  return 0;
}

/** What people write, before defaults and units are applied. A setting may be a reference where it is text. */
function toSchema(schema: z.ZodType, title: string): object {
  return { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), title };
}

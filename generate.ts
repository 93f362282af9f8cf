/**
 * Writes what is derived from other files of the repository; `npm run generate`. JSON Schemas of the YAML files for editors, each
 * client's public schema, and typed documents of its operations. `--check` writes nothing and names what is stale.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { generate, loadContext } from '@graphql-codegen/cli';
import { printSchema } from 'graphql';
import { JSON_SCHEMAS } from './src/cli/json-schema.ts';
import { loadGeneration } from './src/generation.ts';

const ROOT = import.meta.dirname;

/** What every generated file should hold, by path within the repository. */
async function derive(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [name, toSchema] of Object.entries(JSON_SCHEMAS))
    files.set(
      `docs/json-schema/${name.replace(/\.yml$/, '')}.json`,
      `${JSON.stringify(await toSchema(), null, 2)}\n`,
    );
  const { views } = await loadGeneration(ROOT, {});
  for (const { client, schema } of views)
    files.set(`clients/${client.name}/generated/schema.graphql`, `${printSchema(schema)}\n`);
  return files;
}

/** Of the schemas on disk: they have to be fresh. */
async function deriveDocuments(): Promise<ReadonlyMap<string, string>> {
  const context = await loadContext(join(ROOT, 'codegen.yml'));
  context.updateConfig({ silent: true, errorsOnly: true, cwd: ROOT });
  const outputs = (await generate(context, false)) as ReadonlyArray<{ filename: string; content: string }>;
  return new Map(outputs.map(({ filename, content }) => [relative(ROOT, join(ROOT, filename)), content]));
}

async function staleAmong(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, content] of files)
    if ((await readFile(join(ROOT, path), 'utf8').catch(() => undefined)) !== content) stale.push(path);
  return stale;
}

async function write(files: ReadonlyMap<string, string>, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), files.get(path)!);
    console.log(path);
  }
}

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const step of [derive, deriveDocuments]) {
  const files = await step();
  const paths = await staleAmong(files);
  if (!check) await write(files, paths);
  stale.push(...paths);
}
if (check && stale.length > 0) {
  console.error(`Stale, so run \`npm run generate\`:\n  ${stale.join('\n  ')}`);
  process.exitCode = 1;
}

/** `mapping.ts`: synchronous named exports of a connector, imported by content hash because modules are never unloaded. */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { Problems } from '../problems.ts';
import type { SourceDirectory } from './source-directory.ts';

/** A pure function of a record. */
export type MappingFunction = (record: unknown) => unknown;

const AsyncFunction = (async () => {}).constructor;

/** The functions of a connector's mapping.ts by name; empty when there is none. */
export async function loadMappingModule(
  directory: SourceDirectory,
  folder: string,
  problems: Problems,
): Promise<ReadonlyMap<string, MappingFunction>> {
  const file = `${folder}/mapping.ts`;
  const bytes = await directory.read(file);
  if (bytes === undefined) return new Map();
  const url = pathToFileURL(directory.locate(file));
  url.searchParams.set('content', createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  let module: Record<string, unknown>;
  try {
    module = (await import(/* @vite-ignore */ url.href)) as Record<string, unknown>;
  } catch (error) {
    problems.report({
      rule: 'mapping-module',
      at: { file, line: 1, column: 1 },
      message: `mapping.ts cannot be loaded: ${(error as Error).message}`,
    });
    return new Map();
  }
  const functions = new Map<string, MappingFunction>();
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === 'function' && !(value instanceof AsyncFunction))
      functions.set(name, value as MappingFunction);
    else {
      problems.report({
        rule: 'mapping-module',
        at: { file, line: 1, column: 1 },
        message: `The export "${name}" of mapping.ts is not a synchronous function.`,
        expected: 'export function name(record) { … }',
      });
    }
  }
  return functions;
}

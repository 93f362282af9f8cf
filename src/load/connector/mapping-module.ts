/** `mapping.ts`: synchronous named exports of a connector, imported by content hash because modules are never unloaded. */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { type Place, type Problems, placeAt } from '../../problems.ts';
import { readSource } from '../read-source.ts';
import type { SourceDirectory } from '../source-directory.ts';

/** A pure function of a record. */
export type MappingFunction = (record: unknown) => unknown;

const AsyncFunction = (async () => {}).constructor;

/** The functions of a connector's mapping.ts by name; empty when there is none, undefined after reporting that it cannot be loaded. */
export async function loadMappingModule(
  directory: SourceDirectory,
  folder: string,
  problems: Problems,
): Promise<ReadonlyMap<string, MappingFunction> | undefined> {
  const file = `${folder}/mapping.ts`;
  const text = await readSource(directory, file, problems);
  if (text === null) return new Map();
  if (text === undefined) return undefined;
  const path = directory.locate(file);
  const url = pathToFileURL(path);
  url.searchParams.set('content', createHash('sha256').update(text).digest('hex').slice(0, 16));
  let module: Record<string, unknown>;
  try {
    module = (await import(/* @vite-ignore */ url.href)) as Record<string, unknown>;
  } catch (error) {
    problems.report({
      rule: 'mapping-module',
      at: placeOfFailure(error, file, path),
      message: 'mapping.ts cannot be loaded.',
      found: String((error as Error).message)
        .split('\n')[0]!
        .replaceAll(`${directory.root}/`, '')
        .replaceAll(url.search, ''),
      expected: 'TypeScript whose types can be stripped: no enums, no parameter properties, ".ts" in imports',
    });
    return undefined;
  }
  const functions = new Map<string, MappingFunction>();
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === 'function' && !(value instanceof AsyncFunction))
      functions.set(name, synchronous(value as MappingFunction));
    else {
      problems.report({
        rule: 'mapping-module',
        at: placeAt(file, text, exportOffset(text, name)),
        message: `The export "${name}" of mapping.ts is not a synchronous function.`,
        found: typeof value === 'function' ? 'an async function' : typeof value,
        expected: 'export function name(record) { … }',
      });
    }
  }
  return functions;
}

/** Refuses promises: engines read values at once, and a rejected promise that nobody waits for would end the process. */
function synchronous(mapping: MappingFunction): MappingFunction {
  return (record) => {
    const value = mapping(record);
    if (!(value instanceof Promise)) return value;
    value.catch(() => {});
    throw new TypeError('A function of mapping.ts returned a promise.');
  };
}

/** Before the stack of a syntax error Node prints file and line, the source, and a caret below it; other errors have a frame in the file. */
function placeOfFailure(error: unknown, file: string, path: string): Place {
  const lines = String((error as Error).stack).split('\n');
  const line = lines[0]!.includes(path) ? /:(\d+)$/.exec(lines[0]!)?.[1] : undefined;
  if (line !== undefined) {
    const caret = lines.find((text) => /^\s*\^+$/.test(text)) ?? '^';
    return { file, line: Number(line), column: caret.indexOf('^') + 1 };
  }
  const frame = /mapping\.ts(?:\?[^:\s]*)?:(\d+):(\d+)/.exec(lines.join('\n'));
  return { file, line: Number(frame?.[1] ?? 1), column: Number(frame?.[2] ?? 1) };
}

function exportOffset(text: string, name: string): number {
  const match = new RegExp(`^export\\s[^\\n]*?(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`, 'm').exec(text);
  return match === null ? 0 : match.index + match[0].length - name.length;
}

/** YAML files: syntax, references to the environment and to files, and a schema; every problem with its line. */
import { type Document, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { didYouMean, type Place, type Problem, type Problems } from '../problems.ts';
import type { Environment } from './environment.ts';
import { resolveReferences } from './references.ts';
import type { SourceDirectory } from './source-directory.ts';

/** A YAML file that was read; `value` is plain data with references resolved. */
export class YamlFile {
  readonly file: string;
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document, lines: LineCounter, value: unknown) {
    this.file = file;
    this.#document = document;
    this.#lines = lines;
    this.value = value;
  }

  /** Where a value stands; the nearest enclosing one that exists. `key: true` points at a map's key instead. */
  placeOf(path: readonly (string | number)[], options: { readonly key?: boolean } = {}): Place {
    if (options.key === true && path.length > 0) {
      const map = this.#document.getIn(path.slice(0, -1), true);
      const pair = isMap(map)
        ? map.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
        : undefined;
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return this.#place(pair.key.range[0]);
    }
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.#document.contents : this.#document.getIn(path.slice(0, length), true);
      const range = (node as { range?: [number, number, number] } | null | undefined)?.range;
      if (range) return this.#place(range[0]);
    }
    return { file: this.file, line: 1, column: 1 };
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

/** Reads and parses a file; undefined after reporting problems, or when it does not exist. */
export async function readYaml(
  directory: SourceDirectory,
  file: string,
  environment: Environment,
  problems: Problems,
): Promise<YamlFile | undefined> {
  const text = await directory.readText(file);
  if (text === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, customTags: [] });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    problems.report({
      rule: 'yaml-syntax',
      at: { file, line, column: col },
      message: error.message.split('\n')[0]!.replace(/ at line.*$/, ''),
    });
  }
  if (document.errors.length > 0) return undefined;
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const replacements: Array<Promise<void>> = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const at = placeOf(node.range?.[0] ?? 0);
      replacements.push(
        resolveReferences(node.value, directory, environment, (problem) =>
          problems.report({ at, ...problem }),
        ).then((value) => {
          node.value = value;
        }),
      );
    },
  });
  await Promise.all(replacements);
  try {
    return new YamlFile(file, document, lines, document.toJS({ maxAliasCount: 100 }) ?? {});
  } catch (error) {
    problems.report({ rule: 'yaml-syntax', at: placeOf(0), message: (error as Error).message });
    return undefined;
  }
}

/** Checks a file's value against a schema; undefined after reporting problems. */
export function checkShape<Schema extends z.ZodType>(
  yaml: YamlFile,
  schema: Schema,
  problems: Problems,
): z.output<Schema> | undefined {
  const result = schema.safeParse(yaml.value);
  if (result.success) return result.data;
  for (const problem of toProblems(yaml, result.error.issues, schema)) problems.report(problem);
  return undefined;
}

function toProblems(yaml: YamlFile, issues: readonly z.core.$ZodIssue[], schema: z.ZodType): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
    const setting = path.join('.');
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => ({
        rule: 'unknown-key',
        at: yaml.placeOf([...path, key], { key: true }),
        message: `There is no setting "${[...path, key].join('.')}".`,
        found: key,
        expected: known.length === 0 ? undefined : `one of ${known.join(', ')}`,
        hint: didYouMean(key, known),
      }));
    }
    const found = valueAt(yaml.value, path);
    return [
      {
        rule: found === undefined ? 'missing-key' : 'invalid-value',
        at: yaml.placeOf(path),
        message: found === undefined ? `"${setting}" is missing.` : `"${setting}" cannot have this value.`,
        found: found === undefined ? undefined : describe(found),
        expected: expectation(issue),
        hint:
          issue.code === 'invalid_value' && typeof found === 'string'
            ? didYouMean(found, issue.values.map(String))
            : undefined,
      },
    ];
  });
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' or ');
  return issue.message.replace(/^Invalid input: expected (.*?)(?:, received .*)?$/, '$1');
}

/** Values of settings may be secrets: only their kind is shown, except for short plain words. */
function describe(value: unknown): string {
  if (typeof value === 'string')
    return /^[\w .:/-]{0,40}$/.test(value) ? JSON.stringify(value) : `text of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'a map';
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}

/** The names that a strict object of the schema knows at a path, for suggestions. */
function keysAt(schema: z.ZodType, path: readonly (string | number)[]): readonly string[] {
  let current: unknown = schema;
  for (const step of path) current = shapeOf(current)?.[step];
  return Object.keys(shapeOf(current) ?? {});
}

function shapeOf(schema: unknown): Record<string | number, unknown> | undefined {
  let current = schema as
    | { shape?: Record<string, unknown>; def?: { innerType?: unknown; in?: unknown } }
    | undefined;
  while (current !== undefined && current.shape === undefined) {
    current = (current.def?.innerType ?? current.def?.in) as typeof current;
  }
  return current?.shape;
}

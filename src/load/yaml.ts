/** YAML files: syntax and references to the environment and to files; every problem with its line. */

import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import { isObject } from '../json-object.ts';
import type { Place, Problem, Problems } from '../problems.ts';
import type { Environment } from './environment.ts';
import { readSource } from './read-source.ts';
import { resolveReferences } from './references.ts';
import type { SourceDirectory } from './source-directory.ts';
import { syntaxProblems } from './yaml-errors.ts';

const MAX_ALIASES = 100;

/** A value with references in it. */
interface Reference {
  /** As text, with its references. */
  readonly written: string;
  /** What they stand for, within the rest of it. */
  value: string;
  /** Whether one leads nowhere. */
  isUnresolved: boolean;
}

type References = ReadonlyMap<unknown, Reference>;

interface Facts {
  readonly file: string;
  readonly lines: LineCounter;
  readonly references: References;
}

/** A YAML file that was read; `value` is plain data with references resolved. */
export class YamlFile {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #references: References;

  constructor(document: Document, value: Readonly<Record<string, unknown>>, facts: Facts) {
    this.file = facts.file;
    this.#document = document;
    this.#lines = facts.lines;
    this.#references = facts.references;
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

  /** The value as it was written, where it has references: what they stand for may be a secret. */
  referenceAt(path: readonly (string | number)[]): Reference | undefined {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      const holder = this.#resolved(node);
      node = isCollection(holder) ? holder.get(step, true) : undefined;
    }
    return this.#references.get(this.#resolved(node));
  }

  /** What is to be shown as found at a path: as it was written, where it would tell what a reference stands for. */
  shown(path: readonly (string | number)[], found: string | undefined): string | undefined {
    const reference = this.referenceAt(path);
    if (reference === undefined || found === undefined) return found;
    const { written, value } = reference;
    return found.includes(value) || value.includes(found) ? written : found;
  }

  /** An alias stands for a node. */
  #resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  /** Reports what is wrong with the value at a path, if it says anything: a reference that leads nowhere was reported. */
  reportAt(path: readonly (string | number)[], problem: Omit<Problem, 'at'>, problems: Problems): void {
    if (this.isUnresolved(path)) return;
    problems.report({ at: this.placeOf(path), ...problem, found: this.shown(path, problem.found) });
  }

  /** Whether the value has a reference that leads nowhere. That was reported, and the value says nothing. */
  isUnresolved(path: readonly (string | number)[]): boolean {
    return this.referenceAt(path)?.isUnresolved === true;
  }

  #place(offset: number): Place {
    return placeOf(this.file, this.#lines, offset);
  }
}

/** Reads and parses a file. Null when there is no such file; undefined after reporting problems. */
export async function readYaml(
  directory: SourceDirectory,
  file: string,
  environment: Environment,
  problems: Problems,
): Promise<YamlFile | null | undefined> {
  const text = await readSource(directory, file, problems);
  if (typeof text !== 'string') return text;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, customTags: [] });
  const lineOf = (offset: number) => lines.linePos(offset).line;
  for (const { offset, ...problem } of syntaxProblems(document.errors, text, lineOf))
    problems.report({ at: placeOf(file, lines, offset), ...problem });
  if (document.errors.length > 0) return undefined;
  refusePrototypeKeys(document, (offset) =>
    problems.report({
      rule: 'unknown-key',
      at: placeOf(file, lines, offset),
      message: 'No key of a setting can be called "__proto__".',
      found: '__proto__',
    }),
  );
  const references = new Map<unknown, Reference>();
  const replacements: Array<Promise<void>> = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const start = node.range?.[0] ?? 0;
      const own = { written: node.value, value: '', isUnresolved: false };
      references.set(node, own);
      const resolving = resolveReferences(node.value, directory, environment, (problem, reference) => {
        const offset = text.indexOf(reference, start);
        problems.report({ at: placeOf(file, lines, offset === -1 ? start : offset), ...problem });
        own.isUnresolved = true;
      });
      replacements.push(
        resolving.then((value) => {
          node.value = value;
          own.value = value;
        }),
      );
    },
  });
  await Promise.all(replacements);
  return toFile(document, { file, lines, references }, problems);
}

function toFile(document: Document, facts: Facts, problems: Problems): YamlFile | undefined {
  const at = { file: facts.file, line: 1, column: 1 };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
  } catch (error) {
    problems.report({
      rule: 'yaml-syntax',
      at,
      message: 'The aliases of this file cannot be followed.',
      found: (error as Error).message,
      expected: `aliases that stand for at most ${MAX_ALIASES} nodes`,
    });
    return undefined;
  }
  if (!isObject(value)) {
    problems.report({
      rule: 'invalid-value',
      at,
      message: 'This file is a map of settings.',
      found: Array.isArray(value) ? 'a list' : typeof value === 'string' ? 'text' : String(value),
      expected: 'lines such as "key: value"',
    });
    return undefined;
  }
  return new YamlFile(document, value as Readonly<Record<string, unknown>>, facts);
}

/** What checks shapes skips such keys without a word. */
function refusePrototypeKeys(document: Document, report: (offset: number) => void): void {
  visit(document, {
    Pair(_key, { key }) {
      if (!isScalar(key) || key.value !== '__proto__') return undefined;
      report(key.range?.[0] ?? 0);
      return visit.REMOVE;
    },
  });
}

function placeOf(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

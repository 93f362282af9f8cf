/** Generates the function that makes one object of the answer: an object literal in the operation's field order. */
import type { Complete } from './complete.ts';
import type { ObjectPlan } from './plan.ts';
import { FAILED, type Path, type Run } from './run.ts';

/** Where a field's value comes from. */
export interface FieldSource {
  /** Reads it from the cell, or from the bare record of a pure object. */
  readonly get: (source: unknown, run: Run) => unknown;
  /** Set when it is simply this key of the record: then the generated code reads it itself. */
  readonly key: string | undefined;
}

export interface ProjectedField {
  readonly responseKey: string;
  /** Index of its condition; undefined when it is always there. */
  readonly condition: number | undefined;
  /** A constant, for `__typename`. */
  readonly constant: string | undefined;
  readonly source: FieldSource;
  readonly complete: Complete;
  /** Which values are complete as they are, for leaves. */
  readonly accepts: keyof typeof ACCEPTS | undefined;
}

const ACCEPTS = {
  string: (name: string) => `(typeof ${name} === 'string')`,
  boolean: (name: string) => `(typeof ${name} === 'boolean')`,
  int: (name: string) => `((${name} | 0) === ${name})`,
  float: (name: string) => `Number.isFinite(${name})`,
};

/** @param pure the source is the bare record */
export function compileProjection(fields: readonly ProjectedField[], pure: boolean): ObjectPlan['project'] {
  const scope: unknown[] = [FAILED];
  const bind = (value: unknown): string => `$[${scope.push(value) - 1}]`;
  const record = pure ? 'source' : 'record';
  const lines: string[] = pure ? [] : ['const record = source.record;'];
  const conditional = fields.some(({ condition }) => condition !== undefined);
  if (conditional) lines.push('const result = {};', 'let failed = false;');

  const names = fields.map((field, index) => {
    const name = `v${index}`;
    if (field.constant !== undefined) return JSON.stringify(field.constant);
    const at = `run.tracking ? { prev: path, key: ${JSON.stringify(field.responseKey)} } : undefined`;
    const { key } = field.source;
    const read =
      key === undefined ? `${bind(field.source.get)}(source, run)` : `${record}[${JSON.stringify(key)}]`;
    const completed = `${name} = ${bind(field.complete)}(${name}, run, ${at});`;
    const settle =
      field.accepts === undefined ? completed : `if (!${ACCEPTS[field.accepts](name)}) ${completed}`;
    const body = `let ${name} = ${read}; ${settle}`;
    if (!conditional) lines.push(body);
    else {
      const assign = `if (${name} === $[0]) failed = true; else ${assignment(field.responseKey, name)}`;
      lines.push(
        field.condition === undefined
          ? `{ ${body} ${assign} }`
          : `if (run.on[${field.condition}]) { ${body} ${assign} }`,
      );
    }
    return name;
  });

  if (conditional) {
    // Constants have no body above; they keep their place in the order all the same.
    const ordered = lines.filter((line) => line !== '');
    return link(scope, insertConstants(fields, ordered, names));
  }
  const failing = names.filter((name) => name.startsWith('v')).map((name) => `${name} === $[0]`);
  if (failing.length > 0) lines.push(`if (${failing.join(' || ')}) return $[0];`);
  const properties = fields.map(({ responseKey }, index) => `${propertyName(responseKey)}: ${names[index]}`);
  lines.push(`return { ${properties.join(', ')} };`);
  return link(scope, lines);
}

function insertConstants(
  fields: readonly ProjectedField[],
  lines: readonly string[],
  names: readonly string[],
): string[] {
  const head = lines.slice(0, lines.length - fields.filter(({ constant }) => constant === undefined).length);
  const bodies = lines.slice(head.length);
  let next = 0;
  const all = fields.map((field, index) => {
    if (field.constant === undefined) return bodies[next++]!;
    const assign = assignment(field.responseKey, names[index]!);
    return field.condition === undefined ? assign : `if (run.on[${field.condition}]) ${assign}`;
  });
  return [...head, ...all, 'return failed ? $[0] : result;'];
}

function assignment(responseKey: string, name: string): string {
  if (responseKey !== '__proto__') return `result[${JSON.stringify(responseKey)}] = ${name};`;
  return `Object.defineProperty(result, '__proto__', { value: ${name}, enumerable: true, configurable: true, writable: true });`;
}

/** In a literal only a computed key makes `__proto__` a property like any other. */
function propertyName(responseKey: string): string {
  return responseKey === '__proto__' ? '["__proto__"]' : JSON.stringify(responseKey);
}

function link(scope: readonly unknown[], lines: readonly string[]): ObjectPlan['project'] {
  // Everything in the text is a number, a name of this file's or a JSON string; values are reached through `$`.
  const make = new Function('$', `return function project(source, run, path) {\n${lines.join('\n')}\n};`) as (
    scope: readonly unknown[],
  ) => (source: unknown, run: Run, path: Path | undefined) => unknown;
  return make(scope);
}

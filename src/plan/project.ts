/** Generates the function that makes one object of the answer: an object literal in the operation's field order. */
import { countOfField } from '../execute/value-count.ts';
import type { Complete } from './complete.ts';
import type { ObjectPlan } from './plan.ts';
import { FAILED, type Path, type Run, TOO_MANY_VALUES } from './run.ts';

/** Where a field's value comes from. */
export interface FieldSource {
  /** Reads it from the cell, or from the bare record of a pure object. */
  readonly get: (source: unknown, run: Run) => unknown;
  /** Set when it is simply this key of the record: then the generated code reads it itself. */
  readonly key: string | undefined;
}

export interface ProjectedField {
  readonly responseKey: string;
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
  int: (name: string) => `(typeof ${name} === 'number' && (${name} | 0) === ${name})`,
  float: (name: string) => `Number.isFinite(${name})`,
};

/** Texts may be long, also under many names. What is not accepted as it is, is counted where it is completed. */
function counted(accepts: ProjectedField['accepts'], name: string): string {
  return accepts === 'string' ? ` else if (!run.values.takeText(${name})) throw $[1];` : '';
}

/** @param pure the source is the bare record */
export function compileProjection(fields: readonly ProjectedField[], pure: boolean): ObjectPlan['project'] {
  const scope: unknown[] = [FAILED, TOO_MANY_VALUES];
  const bind = (value: unknown): string => `$[${scope.push(value) - 1}]`;
  const record = pure ? 'source' : 'record';
  const taken = fields.reduce((sum, { responseKey }) => sum + countOfField(responseKey), 0);
  const lines = [`if (!run.values.take(${taken})) throw $[1];`];
  if (!pure) lines.push('const record = source.record;');
  const names = fields.map((field, index) => {
    const name = `v${index}`;
    if (field.constant !== undefined) return JSON.stringify(field.constant);
    const at = `run.tracking ? { prev: path, key: ${JSON.stringify(field.responseKey)} } : undefined`;
    const { key } = field.source;
    const read =
      key === undefined ? `${bind(field.source.get)}(source, run)` : `${record}[${JSON.stringify(key)}]`;
    const completed = `{ ${name} = ${bind(field.complete)}(${name}, run, ${at}); if (${name} === $[0]) return $[0]; }`;
    const settle =
      field.accepts === undefined
        ? completed
        : `if (!${ACCEPTS[field.accepts](name)}) ${completed}${counted(field.accepts, name)}`;
    lines.push(`let ${name} = ${read}; ${settle}`);
    return name;
  });

  const properties = fields.map(({ responseKey }, index) => `${propertyName(responseKey)}: ${names[index]}`);
  lines.push(`return { ${properties.join(', ')} };`);
  return link(scope, lines);
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

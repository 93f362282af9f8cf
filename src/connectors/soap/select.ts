/** Checks a directive's `select` against what the answer may hold. */
import { GrammarError, type Path, parsePath } from '../../mapping/path.ts';
import { didYouMean } from '../../problems.ts';
import type { FieldToBind } from '../kind.ts';
import type { SchemaSet } from './schema-set.ts';
import { type RecordShape, type Shape, TEXT_KEY, TYPE_KEY } from './shape.ts';

/** Stops silently where the XSD leaves open what comes. */
export function checkSelect(field: FieldToBind, schemas: SchemaSet, answer: Shape): void {
  const path = parse(field.directive.select);
  let shape = answer;
  let isList = false;
  for (const step of path) {
    if (shape.kind === 'any') return;
    if (step.kind !== 'key') {
      if (!isList) {
        report(field, 'This part of the answer is no list.', step.kind === 'each' ? '[]' : `[${step.index}]`);
        return;
      }
      isList = false;
      continue;
    }
    if (isList) {
      report(field, 'This part of the answer is a list.', step.name, 'use "[]" or "[0]" before the name');
      return;
    }
    if (shape.kind === 'simple') {
      report(field, 'This part of the answer is a single value.', step.name);
      return;
    }
    const next = shape.fields.find(({ key }) => key === step.name);
    if (next === undefined) {
      if (!isOther(shape, step.name, schemas)) {
        const keys = keysOf(shape);
        report(field, 'The answer has nothing of this name.', step.name, didYouMean(step.name, keys), keys);
      }
      return;
    }
    isList = next.list;
    shape = next.shape();
  }
}

function isOther(shape: RecordShape, name: string, schemas: SchemaSet): boolean {
  return (
    shape.open ||
    shape.abstract ||
    schemas.hasDerived(shape.name) ||
    name === TYPE_KEY ||
    keysOf(shape).includes(name)
  );
}

function keysOf(shape: RecordShape): string[] {
  const names = [...shape.fields, ...shape.attributes].map(({ key }) => key);
  return shape.text !== undefined || shape.mixed ? [...names, TEXT_KEY] : names;
}

function parse(select: unknown): Path {
  if (typeof select !== 'string') return [];
  try {
    return parsePath(select);
  } catch (error) {
    // Whoever applies the path reports that.
    if (error instanceof GrammarError) return [];
    throw error;
  }
}

function report(
  field: FieldToBind,
  message: string,
  found: string,
  hint?: string,
  known?: readonly string[],
): void {
  field.report(
    {
      rule: 'soap-select',
      message,
      found,
      expected: known === undefined ? undefined : known.join(', ') || 'nothing: the answer is empty',
      hint,
    },
    ['select'],
  );
}

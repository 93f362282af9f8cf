/** Checks a directive's `select` and the field's type against what the answer may hold. */
import {
  type FieldDefinitionNode,
  getNamedType,
  getNullableType,
  isEnumType,
  isInterfaceType,
  isListType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { GrammarError, type Path, parsePath, parseValueMap, pathsOf } from '../../mapping/path.ts';
import { didYouMean } from '../../problems.ts';
import type { FieldToBind } from '../kind.ts';
import type { SchemaSet } from './schema-set.ts';
import { type RecordShape, type Shape, TEXT_KEY, TYPE_KEY } from './shape.ts';

/** Says nothing where the XSD leaves open what comes. */
export function checkAnswer(field: FieldToBind, schemas: SchemaSet, answer: Shape): void {
  const found = follow(field, schemas, answer);
  if (found === undefined || found.shape.kind === 'any') return;
  const { shape, lists } = found;
  const wanted = listsOf(field);
  if (lists !== wanted) {
    report(field, 'soap-answer', {
      message: `${field.coordinate} is ${nameOfLists(wanted)}, and this part of the answer is ${nameOfLists(lists)}.`,
      found: String(field.type),
      hint: lists > wanted ? 'add "[0]" to "select", or make the type a list' : undefined,
    });
    return;
  }
  if (shape.kind !== 'record') return;
  if (!isOpen(shape, schemas)) checkType(field, shape);
}

/** A record for a field of a single value, or for a type that reads nothing of it: most often, `select` is missing. */
function checkType(field: FieldToBind, shape: RecordShape): void {
  const type = getNamedType(field.type);
  const names = keysOf(shape);
  // An answer without content is true or null.
  if (names.length === 0) return;
  const only = shape.fields.length === 1 ? shape.fields[0] : undefined;
  const before = typeof field.directive.select === 'string' ? `${field.directive.select}.` : '';
  const hint = only === undefined ? undefined : `add select: "${before}${only.key}"`;
  if (isSpecifiedScalarType(type) || isEnumType(type)) {
    report(field, 'soap-answer', {
      message: `${field.coordinate} is one value, and the answer is a record.`,
      found: type.name,
      expected: `a part of it, by "select": ${names.join(', ')}`,
      hint,
    });
  } else if (isObjectType(type) || isInterfaceType(type)) {
    const read = Object.values(type.getFields()).flatMap(({ name, astNode }) => readBy(name, astNode));
    // A function of mapping.ts reads what it likes; a type of nothing but calls reads nothing.
    if (read.length === 0 || read.some((key) => key === undefined || names.includes(key))) return;
    report(field, 'soap-answer', {
      message: `The answer has nothing of what ${type.name} reads.`,
      found: read.join(', '),
      expected: names.join(', '),
      hint,
    });
  }
}

/** The first keys of the record that a field reads: none if it is a call of its own; undefined where it cannot be said. */
function readBy(
  name: string,
  node: FieldDefinitionNode | null | undefined,
): ReadonlyArray<string | undefined> {
  const directives = node?.directives ?? [];
  if (directives.some((directive) => directive.name.value === 'soap')) return [];
  const from = directives.find((directive) => directive.name.value === 'from');
  if (from === undefined) return [name];
  const path = from.arguments?.find((argument) => argument.name.value === 'path')?.value;
  if (path?.kind !== 'StringValue') return [undefined];
  try {
    return pathsOf(parseValueMap(path.value)).map(([first]) =>
      first?.kind === 'key' ? first.name : undefined,
    );
  } catch (error) {
    if (error instanceof GrammarError) return [undefined];
    throw error;
  }
}

/** What `select` leads to, and how many lists are around it; undefined after a problem, and where it cannot be said. */
function follow(
  field: FieldToBind,
  schemas: SchemaSet,
  answer: Shape,
): { readonly shape: Shape; readonly lists: number } | undefined {
  let shape = answer;
  let isList = false;
  let lists = 0;
  for (const step of selectOf(field)) {
    if (shape.kind === 'any') return undefined;
    if (step.kind !== 'key') {
      if (!isList && !holdsList(shape)) {
        const found = step.kind === 'each' ? '[]' : `[${step.index}]`;
        reportSelect(field, 'This part of the answer is no list.', found);
        return undefined;
      }
      isList = false;
      if (step.kind === 'each') lists++;
      continue;
    }
    if (isList) {
      reportSelect(
        field,
        'This part of the answer is a list.',
        step.name,
        'use "[]" or "[0]" before the name',
      );
      return undefined;
    }
    if (shape.kind === 'simple') {
      reportSelect(field, 'This part of the answer is a single value.', step.name);
      return undefined;
    }
    const next = shape.fields.find(({ key }) => key === step.name);
    if (next === undefined) {
      const keys = keysOf(shape);
      if (!isOpen(shape, schemas) && step.name !== TYPE_KEY && !keys.includes(step.name)) {
        const hint = didYouMean(step.name, keys);
        reportSelect(field, 'The answer has nothing of this name.', step.name, hint, keys);
      }
      return undefined;
    }
    isList = next.list;
    shape = next.shape();
  }
  return { shape, lists: lists + Number(isList) + Number(holdsList(shape)) };
}

function holdsList(shape: Shape): boolean {
  return shape.kind === 'simple' && shape.scalar.isList === true;
}

/** Whether a record may have more than its shape says. */
function isOpen(shape: RecordShape, schemas: SchemaSet): boolean {
  return shape.open || shape.abstract || schemas.hasDerived(shape.name);
}

function keysOf(shape: RecordShape): string[] {
  const names = [...shape.fields, ...shape.attributes].map(({ key }) => key);
  return shape.text !== undefined || shape.mixed ? [...names, TEXT_KEY] : names;
}

function listsOf(field: FieldToBind): number {
  let lists = 0;
  let type = getNullableType(field.type);
  while (isListType(type)) {
    lists++;
    type = getNullableType(type.ofType);
  }
  return lists;
}

function nameOfLists(lists: number): string {
  return lists === 0 ? 'no list' : lists === 1 ? 'a list' : `a list of lists (${lists} levels)`;
}

function selectOf(field: FieldToBind): Path {
  if (typeof field.directive.select !== 'string') return [];
  try {
    return parsePath(field.directive.select);
  } catch (error) {
    // Whoever applies the path reports that.
    if (error instanceof GrammarError) return [];
    throw error;
  }
}

function reportSelect(
  field: FieldToBind,
  message: string,
  found: string,
  hint?: string,
  known?: readonly string[],
): void {
  const expected = known === undefined ? undefined : known.join(', ') || 'nothing: the answer is empty';
  report(field, 'soap-select', { message, found, expected, hint });
}

function report(
  field: FieldToBind,
  rule: string,
  problem: { message: string; found: string; expected?: string; hint?: string },
): void {
  const { select } = field.directive;
  field.report({ rule, ...problem }, typeof select === 'string' ? ['select'] : []);
}

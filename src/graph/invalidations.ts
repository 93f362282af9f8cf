/** Whether what mutations make out of date is there: a type of the graph, and where a key is read of one that has keys. */
import { type GraphQLInputType, getNamedType, isCompositeType, isInputObjectType } from 'graphql';
import type { Invalidation } from '../load/directives/cache-control.ts';
import type { ConnectorField, ConnectorType } from '../load/model.ts';
import { didYouMean, type Problem, type Problems } from '../problems.ts';

type TypesByName = ReadonlyMap<string, readonly ConnectorType[]>;

export function reportInvalidations(byName: TypesByName, problems: Problems): void {
  const sourcesOf = (name: string) => byName.get(name) ?? [];
  for (const source of byName.get('Mutation') ?? [])
    for (const field of source.fields.values())
      for (const invalidation of field.invalidates) {
        const problem =
          problemWithType(invalidation.type, byName) ?? problemWithKey(field, invalidation, sourcesOf);
        if (problem !== undefined) problems.report({ at: invalidation.place, ...problem });
      }
}

function problemWithType(type: string, byName: TypesByName): Omit<Problem, 'at'> | undefined {
  const names = [...byName].flatMap(([name, [first]]) =>
    isCompositeType(first?.type) && !name.startsWith('__') ? [name] : [],
  );
  if (names.includes(type)) return undefined;
  const message = 'There is no such type in the graph.';
  return { rule: 'invalidates-type', message, found: type, hint: didYouMean(type, names) };
}

/** A type as each connector that knows it has it. */
type SourcesOf = (typeName: string) => readonly ConnectorType[];

/** @param field what the invalidation is of, as its connector has it @param invalidation of a type that is there */
export function problemWithKey(
  field: ConnectorField,
  { type, key }: Invalidation,
  sourcesOf: SourcesOf,
): Omit<Problem, 'at'> | undefined {
  if (key === undefined) return undefined;
  const keys = sourcesOf(type).flatMap((source) => source.keys.map(({ paths }) => paths));
  if (keys.length === 0)
    return {
      rule: 'invalidates-key',
      message: `"${type}" has no key, so only all of it can be out of date.`,
      found: `key: "${key.join('.')}"`,
      hint: 'leave "key" out, or give the type a @key',
    };
  if (keys.every((paths) => paths.length > 1))
    return {
      rule: 'invalidates-key',
      message: `"${type}" is found by ${[...new Set(keys.map((paths) => paths.join(' and ')))].join(', or ')}: one value does not say which one is out of date.`,
      found: `key: "${key.join('.')}"`,
      hint: 'leave "key" out: then all of the type is out of date',
    };
  if (isOfArguments(field, key) || isOfResult(field, key, sourcesOf)) return undefined;
  const first = [...new Set([...field.args.map(({ name }) => name), ...fieldsOf(field, sourcesOf).keys()])];
  return {
    rule: 'invalidates-key',
    message: `This is neither in an argument of ${field.coordinate} nor in what it gives.`,
    found: `key: "${key.join('.')}"`,
    expected: first.length === 0 ? undefined : `one of ${first.slice(0, 20).join(', ')}, or a path inside`,
    hint: first.includes(key[0]!) ? undefined : didYouMean(key[0]!, first),
  };
}

function isOfArguments({ args }: ConnectorField, [first, ...rest]: readonly string[]): boolean {
  let type: GraphQLInputType | undefined = args.find(({ name }) => name === first)?.type;
  for (const name of rest) {
    const named = type && getNamedType(type);
    // What is inside of a scalar of one's own nobody knows.
    if (!isInputObjectType(named)) return named?.name === 'JSON';
    type = named.getFields()[name]?.type;
  }
  return type !== undefined;
}

/** Also by fields that other connectors add. */
function isOfResult(field: ConnectorField, path: readonly string[], sourcesOf: SourcesOf): boolean {
  let at: ConnectorField | undefined = field;
  for (const name of path) at = at && fieldsOf(at, sourcesOf).get(name);
  return at !== undefined;
}

function fieldsOf({ type }: ConnectorField, sourcesOf: SourcesOf): ReadonlyMap<string, ConnectorField> {
  return new Map(sourcesOf(getNamedType(type).name).flatMap(({ fields }) => [...fields]));
}

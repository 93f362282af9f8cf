/** Which root fields find entities, and by which key. */
import {
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { formatPath, parseValueMap, pathsOf, type ValueMap } from '../../mapping/path.ts';
import { didYouMean, type Place, type Problems } from '../../problems.ts';
import type { Connector, ConnectorArgument, ConnectorField, Lookup } from '../model.ts';

/** All `@lookup` fields of a connector. A `@lookup` that cannot work is reported. */
export function findLookups(connector: Connector, problems: Problems): readonly Lookup[] {
  const found: Lookup[] = [];
  for (const type of connector.types.values()) {
    for (const field of type.fields.values()) {
      if (!field.lookup) continue;
      if (type.name !== 'Query') {
        problems.report({
          rule: 'lookup-place',
          at: field.place,
          message: `@lookup stands on root fields of Query, not on ${field.coordinate}.`,
        });
        continue;
      }
      const lookup = toLookup(connector, field, problems);
      if (lookup !== undefined) found.push(lookup);
    }
  }
  return found;
}

function toLookup(connector: Connector, field: ConnectorField, problems: Problems): Lookup | undefined {
  const report = (problem: {
    rule: string;
    message: string;
    found?: string;
    expected?: string;
    hint?: string;
    at?: Place;
  }) => problems.report({ at: field.place, ...problem });
  const named = getNamedType(field.type);
  const entity = connector.types.get(named.name);
  if (entity === undefined || !(isObjectType(named) || isInterfaceType(named))) {
    report({
      rule: 'lookup-type',
      message: `@lookup on ${field.coordinate} must return an object.`,
      found: String(field.type),
    });
    return undefined;
  }
  const isList = isListType(getNullableType(field.type));
  const keyPaths = new Set(entity.keys.flatMap(({ paths }) => paths));
  const used: Array<{ name: string; map: ValueMap; list: boolean }> = [];
  let strange = false;
  for (const argument of field.args) {
    const map =
      argument.is ??
      byName(
        argument,
        entity.keys.flatMap(({ paths }) => paths),
      );
    if (map === undefined) {
      if (argument.claim === undefined && isNonNullType(argument.type) && !argument.hasDefault) {
        strange = true;
        report({
          rule: 'lookup-argument',
          at: argument.place,
          message: `The argument "${argument.name}" of the lookup ${field.coordinate} is no key field of ${named.name}.`,
          expected: [...keyPaths].join(', ') || `a @key on ${named.name}`,
          hint: didYouMean(argument.name, keyPaths) ?? 'say which with @is(field: "…")',
        });
      }
      continue;
    }
    used.push({ name: argument.name, map, list: isListType(getNullableType(argument.type)) });
  }
  const lists = used.filter(({ list }) => list);
  if (strange) return undefined;
  if (used.length === 0) {
    report({
      rule: 'lookup-argument',
      message: `The lookup ${field.coordinate} has no argument that is a key field.`,
      hint: 'name one like the key field, or say which it is with @is(field: "…")',
    });
    return undefined;
  }
  if (isList !== lists.length > 0 || lists.length > 1) {
    report({
      rule: 'lookup-list',
      message: isList
        ? `${field.coordinate} returns a list, so exactly one argument must be a list of keys.`
        : `${field.coordinate} takes a list of keys, so it must return a list.`,
      found: `(${field.args.map(({ name, type }) => `${name}: ${type}`).join(', ')}): ${field.type}`,
    });
    return undefined;
  }
  const paths = used.flatMap(({ map }) => pathsOf(map).map(formatPath));
  const unknown = paths.filter((path) => !keyPaths.has(path));
  if (unknown.length > 0) {
    report({
      rule: 'lookup-key',
      message: `The lookup ${field.coordinate} uses fields that are in no @key of ${named.name}.`,
      found: unknown.join(', '),
      expected:
        entity.keys.map(({ text }) => `@key(fields: "${text}")`).join(', ') || `a @key on ${named.name}`,
    });
    return undefined;
  }
  return { connector, field, typeName: named.name, batched: isList, arguments: used, paths };
}

function byName(argument: ConnectorArgument, paths: readonly string[]): ValueMap | undefined {
  return paths.includes(argument.name) ? parseValueMap(argument.name) : undefined;
}

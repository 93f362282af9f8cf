/** What several connectors say about the same name must fit together. Every problem names both places. */
import {
  type GraphQLNamedType,
  type GraphQLType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql';
import type { Connector, ConnectorField, ConnectorType } from '../load/model.ts';
import { didYouMean, type Problems } from '../problems.ts';
import { isKeyField } from './access.ts';

const ROOTS = new Set(['Query', 'Mutation', 'Subscription']);

/** @returns the names of types about which connectors disagree: nothing that depends on them can be judged */
export function reportConflicts(
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  connectors: readonly Connector[],
  problems: Problems,
): ReadonlySet<string> {
  const disputed = new Set<string>();
  for (const [name, types] of byName) {
    const [first, ...others] = types;
    if (first === undefined) continue;
    const before = problems.count;
    reportOrphan(types, byName, problems);
    for (const other of others) compareTypes(first, other, problems);
    const alike = types.every((type) => kindOf(type.type) === kindOf(first.type));
    reportInheritedNames(types, problems);
    if (alike && (isObjectType(first.type) || isInterfaceType(first.type))) compareFields(types, problems);
    if (problems.count > before) disputed.add(name);
  }
  reportOwnership(byName, connectors, problems);
  return disputed;
}

/** `extend type` of something that nobody defines. */
function reportOrphan(
  types: readonly ConnectorType[],
  byName: ReadonlyMap<string, unknown>,
  problems: Problems,
): void {
  const first = types[0]!;
  if (ROOTS.has(first.name) || !types.every((type) => type.extends)) return;
  problems.report({
    rule: 'extended-type-undefined',
    at: first.place,
    message: `"${first.name}" is extended here, but no connector defines it.`,
    hint:
      didYouMean(
        first.name,
        [...byName.keys()].filter((name) => name !== first.name),
      ) ?? `write "type ${first.name}" in the connector that owns it`,
  });
}

/** Merging objects of several connectors reads fields by name, and these names every object has already. */
function reportInheritedNames(types: readonly ConnectorType[], problems: Problems): void {
  if (types.length < 2) return;
  for (const type of types) {
    for (const field of type.fields.values()) {
      if (!(field.name in Object.prototype) && field.name !== 'then') continue;
      problems.report({
        rule: 'inherited-name',
        at: field.place,
        message: `A field of a type that several connectors share cannot be called "${field.name}".`,
        hint: `give it another name and say where it is: @from(path: "${field.name}")`,
      });
    }
  }
}

function compareTypes(a: ConnectorType, b: ConnectorType, problems: Problems): void {
  const report = (rule: string, message: string, hint?: string) =>
    problems.report({
      rule,
      at: b.place,
      message,
      hint,
      related: [{ at: a.place, note: `in the connector "${a.connector.name}"` }],
    });
  if (kindOf(a.type) !== kindOf(b.type)) {
    report(
      'type-kind-conflict',
      `"${a.name}" is ${kindOf(b.type)} here and ${kindOf(a.type)} in the connector "${a.connector.name}".`,
    );
    return;
  }
  if (isEnumType(a.type) && isEnumType(b.type)) {
    const difference = differenceOf(
      a.type.getValues().map(({ name }) => name),
      b.type.getValues().map(({ name }) => name),
    );
    if (difference !== undefined)
      report(
        'enum-conflict',
        `The enum "${a.name}" has different values in the connectors "${a.connector.name}" and "${b.connector.name}": ${difference}.`,
        'the same values in both, or two names',
      );
  }
  if (isInputObjectType(a.type) && isInputObjectType(b.type)) {
    const describe = (type: typeof a.type) =>
      Object.values(type.getFields()).map((field) => `${field.name}: ${field.type}`);
    const difference = differenceOf(describe(a.type), describe(b.type as typeof a.type));
    if (difference !== undefined)
      report(
        'input-conflict',
        `The input "${a.name}" has different fields in the connectors "${a.connector.name}" and "${b.connector.name}": ${difference}.`,
        'the same fields in both, or two names',
      );
  }
}

function compareFields(types: readonly ConnectorType[], problems: Problems): void {
  const first = types[0]!;
  const isRoot = ROOTS.has(first.name);
  const keyed = types.filter((type) => type.keys.length > 0);
  const unkeyed = types.find(
    (type) =>
      type.keys.length === 0 &&
      !type.shareable &&
      ![...type.fields.values()].every((field) => field.shareable),
  );
  if (!isRoot && isObjectType(first.type) && types.length > 1 && unkeyed !== undefined) {
    const other = types.find((type) => type !== unkeyed)!;
    problems.report({
      rule: 'type-ownership',
      at: unkeyed.place,
      message:
        keyed.length > 0
          ? `"${first.name}" is an entity in the connector "${keyed[0]!.connector.name}", but has no @key here.`
          : `"${first.name}" belongs to the connector "${other.connector.name}"${ownerOf(other)}.`,
      hint:
        keyed.length > 0
          ? `@key(fields: "${keyed[0]!.keys[0]!.text}")`
          : '@key in both if it is one entity, @shareable in both if it is one value type, or another name',
      related: [{ at: other.place, note: `in the connector "${other.connector.name}"` }],
    });
    // Whose type it is decides about each of its fields.
    return;
  }
  const seen = new Map<string, ConnectorField>();
  for (const type of types) {
    for (const field of type.fields.values()) {
      if (field.internal) continue;
      const earlier = seen.get(field.name);
      if (earlier === undefined) {
        seen.set(field.name, field);
        continue;
      }
      const related = [{ at: earlier.place, note: `in the connector "${earlier.owner.connector.name}"` }];
      if (!sameShape(earlier.type, field.type)) {
        problems.report({
          rule: 'field-type-conflict',
          at: field.place,
          message: `${field.coordinate} has different types in two connectors.`,
          found: `${field.type} in "${type.connector.name}", ${earlier.type} in "${earlier.owner.connector.name}"`,
          hint:
            isKeyField(earlier.owner, field.name) && isKeyField(type, field.name)
              ? 'one type in both, such as ID; the argument of a lookup may have the type that its backend wants'
              : undefined,
          related,
        });
        continue;
      }
      const difference = differenceOf(visibleArguments(earlier), visibleArguments(field));
      if (difference !== undefined) {
        problems.report({
          rule: 'field-argument-conflict',
          at: field.place,
          message: `${field.coordinate} has different arguments in two connectors: ${difference}.`,
          related,
        });
        continue;
      }
      const shared =
        (earlier.shareable && field.shareable) ||
        isKeyField(earlier.owner, field.name) ||
        isKeyField(type, field.name);
      if (!shared && isObjectType(type.type)) {
        problems.report({
          rule: isRoot ? 'root-field-conflict' : 'field-conflict',
          at: field.place,
          message: `${field.coordinate} is defined by two connectors, "${earlier.owner.connector.name}" and "${type.connector.name}".`,
          hint: isRoot
            ? 'rename one, or mark the one that only serves lookups @internal'
            : '@shareable on both if they give the same value, or another name for one',
          related,
        });
      }
    }
  }
}

/** Types and hosts that a connector claims for itself under `owns:`. */
function reportOwnership(
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  connectors: readonly Connector[],
  problems: Problems,
): void {
  for (const owner of connectors) {
    owner.settings.owns.types.forEach((pattern, index) => {
      const at = owner.yaml.placeOf(['owns', 'types', index]);
      const rivals = connectors.filter(
        (other) => other !== owner && other.settings.owns.types.includes(pattern),
      );
      for (const rival of rivals.filter(({ name }) => name > owner.name)) {
        problems.report({
          rule: 'type-ownership',
          at: rival.yaml.placeOf(['owns', 'types', rival.settings.owns.types.indexOf(pattern)]),
          message: `The types "${pattern}" are claimed by two connectors.`,
          related: [{ at, note: `claimed by the connector "${owner.name}"` }],
        });
      }
      for (const [name, types] of byName) {
        if (!matches(pattern, name) || rivals.length > 0) continue;
        for (const type of types) {
          if (
            type.connector === owner ||
            type.extends ||
            (type.keys.length > 0 && [...type.fields.keys()].every((field) => isKeyField(type, field)))
          )
            continue;
          problems.report({
            rule: 'type-ownership',
            at: type.place,
            message: `"${name}" belongs to the connector "${owner.name}"${owner.settings.owner === undefined ? '' : ` (${owner.settings.owner})`}.`,
            hint: `"extend type ${name}" to add fields to it, or another name`,
            related: [{ at, note: `claimed as "${pattern}"` }],
          });
        }
      }
    });
    owner.settings.owns.hosts.forEach((host, index) => {
      const at = owner.yaml.placeOf(['owns', 'hosts', index]);
      for (const other of connectors) {
        if (other === owner) continue;
        const related = [{ at, note: `claimed by the connector "${owner.name}"` }];
        if (new URL(other.settings.endpoint).hostname === host) {
          problems.report({
            rule: 'host-ownership',
            at: other.yaml.placeOf(['endpoint']),
            message: `The host "${host}" belongs to the connector "${owner.name}".`,
            related,
          });
        }
        const claim = other.settings.owns.hosts.indexOf(host);
        if (claim !== -1 && other.name > owner.name) {
          problems.report({
            rule: 'host-ownership',
            at: other.yaml.placeOf(['owns', 'hosts', claim]),
            message: `The host "${host}" is claimed by two connectors.`,
            related,
          });
        }
      }
    });
  }
}

function ownerOf(type: ConnectorType): string {
  const { owner } = type.connector.settings;
  return owner === undefined ? '' : ` (${owner})`;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function visibleArguments(field: ConnectorField): string[] {
  return field.args
    .filter(({ claim, require }) => claim === undefined && require === undefined)
    .map(({ name, type }) => `${name}: ${type}`);
}

function differenceOf(a: readonly string[], b: readonly string[]): string | undefined {
  const onlyA = a.filter((item) => !b.includes(item));
  const onlyB = b.filter((item) => !a.includes(item));
  return onlyA.length + onlyB.length === 0 ? undefined : [...onlyA, ...onlyB].join(', ');
}

/** Equal but for nullability, which composes to the weaker of the two. */
function sameShape(a: GraphQLType, b: GraphQLType): boolean {
  if (isNonNullType(a)) return sameShape(a.ofType, b);
  if (isNonNullType(b)) return sameShape(a, b.ofType);
  if (isListType(a) || isListType(b)) return isListType(a) && isListType(b) && sameShape(a.ofType, b.ofType);
  return (a as GraphQLNamedType).name === (b as GraphQLNamedType).name;
}

function kindOf(type: GraphQLNamedType): string {
  if (isObjectType(type)) return 'an object type';
  if (isInterfaceType(type)) return 'an interface';
  if (isEnumType(type)) return 'an enum';
  if (isInputObjectType(type)) return 'an input type';
  return isScalarType(type) ? 'a scalar' : 'a union';
}

/** Fields of one type that several connectors have: whose they are, and whether they mean the same. */

import { type GraphQLNamedType, type GraphQLType, isListType, isNonNullType, isObjectType } from 'graphql';
import type { ConnectorField, ConnectorType } from '../load/model.ts';
import { ROOTS } from '../load/root-types.ts';
import type { Problem, Problems } from '../problems.ts';
import { isKeyField } from './access.ts';
import { ownerOf } from './ownership.ts';

/** @param types of one name and kind, with fields */
export function reportFieldConflicts(types: readonly ConnectorType[], problems: Problems): void {
  const claim = unkeyedOf(types);
  if (claim !== undefined) {
    // Whose type it is decides about each of its fields.
    problems.report(claim);
    return;
  }
  const seen = new Map<string, ConnectorField>();
  for (const type of types) {
    for (const field of type.fields.values()) {
      if (field.internal) continue;
      const earlier = seen.get(field.name);
      if (earlier === undefined) seen.set(field.name, field);
      else {
        const conflict = shapesOf(earlier, field) ?? argumentsOf(earlier, field) ?? ownersOf(earlier, field);
        if (conflict === undefined) continue;
        const related = [{ at: earlier.place, note: `in the connector "${earlier.owner.connector.name}"` }];
        problems.report({ at: field.place, related, ...conflict });
      }
    }
  }
}

/** A type that is none of several: neither an entity in all of them nor a value. */
function unkeyedOf(types: readonly ConnectorType[]): Problem | undefined {
  const [{ name, type }] = types as readonly [ConnectorType];
  if (types.length < 2 || ROOTS.has(name) || !isObjectType(type)) return undefined;
  const unkeyed = types.find(
    ({ keys, shareable, fields }) =>
      keys.length === 0 && !shareable && ![...fields.values()].every((field) => field.shareable),
  );
  if (unkeyed === undefined) return undefined;
  const entity = types.find(({ keys }) => keys.length > 0);
  const other = types.find((one) => one !== unkeyed)!;
  const what =
    entity === undefined
      ? {
          message: `"${name}" belongs to the connector "${other.connector.name}"${ownerOf(other.connector)}.`,
          hint: '@key in both if it is one entity, @shareable in both if it is one value type, or another name',
        }
      : {
          message: `"${name}" is an entity in the connector "${entity.connector.name}", but has no @key here.`,
          hint: `@key(fields: "${entity.keys[0]!.text}")`,
        };
  const related = [{ at: other.place, note: `in the connector "${other.connector.name}"` }];
  return { rule: 'type-ownership', at: unkeyed.place, ...what, related };
}

type Conflict = Omit<Problem, 'at' | 'related'>;

function shapesOf(earlier: ConnectorField, field: ConnectorField): Conflict | undefined {
  if (sameShape(earlier.type, field.type)) return undefined;
  const [own, others] = [field.owner.connector.name, earlier.owner.connector.name];
  return {
    rule: 'field-type-conflict',
    message: `${field.coordinate} has different types in two connectors.`,
    found: `${field.type} in "${own}", ${earlier.type} in "${others}"`,
    ...(isKeyField(earlier.owner, field.name) && isKeyField(field.owner, field.name)
      ? {
          hint: 'one type in both, such as ID; the argument of a lookup may have the type that its backend wants',
        }
      : {}),
  };
}

function argumentsOf(earlier: ConnectorField, field: ConnectorField): Conflict | undefined {
  const difference = differenceOf(visibleArguments(earlier), visibleArguments(field));
  return difference === undefined
    ? undefined
    : {
        rule: 'field-argument-conflict',
        message: `${field.coordinate} has different arguments in two connectors: ${difference}.`,
      };
}

function ownersOf(earlier: ConnectorField, field: ConnectorField): Conflict | undefined {
  const isShared =
    (earlier.shareable && field.shareable) ||
    isKeyField(earlier.owner, field.name) ||
    isKeyField(field.owner, field.name);
  if (isShared || !isObjectType(field.owner.type)) return undefined;
  const isRoot = ROOTS.has(field.owner.name);
  return {
    rule: isRoot ? 'root-field-conflict' : 'field-conflict',
    message: `${field.coordinate} is defined by two connectors, "${earlier.owner.connector.name}" and "${field.owner.connector.name}".`,
    hint: isRoot
      ? 'rename one, or mark the one that only serves lookups @internal'
      : '@shareable on both if they give the same value, or another name for one',
  };
}

function visibleArguments(field: ConnectorField): string[] {
  return field.args
    .filter(({ claim, require }) => claim === undefined && require === undefined)
    .map(({ name, type }) => `${name}: ${type}`);
}

/** What only one of two lists has; undefined when they are equal but for their order. */
export function differenceOf(a: readonly string[], b: readonly string[]): string | undefined {
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

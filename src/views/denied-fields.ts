/** Which fields of a view a plan does not grant. */
import {
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import type { PlanSettings } from '../load/plan-settings.ts';
import { Selectors } from './selectors.ts';
import type { View } from './view.ts';

/**
 * Coordinates of object types. A type of which nothing is granted is gone, and so is what gives nothing else. An interface is gone with
 * all its types, or when they have none of its fields in common any more.
 */
export function deniedFields(
  view: Pick<View, 'schema' | 'tags'>,
  { include, exclude }: PlanSettings['fields'],
): ReadonlySet<string> {
  const denied = new Set<string>();
  if (include === undefined && exclude.length === 0) return denied;
  const included = include === undefined ? undefined : new Selectors(include);
  const excluded = new Selectors(exclude);
  const objects = Object.values(view.schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
  for (const type of objects)
    for (const name of Object.keys(type.getFields()))
      if (included?.match(view, type, name) === false || excluded.match(view, type, name))
        denied.add(`${type.name}.${name}`);
  for (let before = -1; before !== denied.size; ) {
    before = denied.size;
    for (const type of objects)
      for (const { name, type: output } of Object.values(type.getFields()))
        if (isGone(view, denied, getNamedType(output))) denied.add(`${type.name}.${name}`);
  }
  return denied;
}

/** Whether nothing of a type is granted. */
export function isGone(
  { schema }: Pick<View, 'schema'>,
  denied: ReadonlySet<string>,
  type: GraphQLNamedType,
): boolean {
  if (isObjectType(type) || isInterfaceType(type))
    return grantedFields({ schema }, denied, type).length === 0;
  return isAbstractType(type) && type.getTypes().every((each) => isGone({ schema }, denied, each));
}

/** Names. A field of an interface is granted where each type that may be there and is not gone grants it. */
export function grantedFields(
  { schema }: Pick<View, 'schema'>,
  denied: ReadonlySet<string>,
  type: GraphQLNamedType,
): readonly string[] {
  if (isObjectType(type))
    return Object.keys(type.getFields()).filter((name) => !denied.has(`${type.name}.${name}`));
  if (!isInterfaceType(type)) return [];
  const left = schema.getPossibleTypes(type).filter((each) => !isGone({ schema }, denied, each));
  if (left.length === 0) return [];
  return Object.keys(type.getFields()).filter((name) =>
    left.every((each) => !denied.has(`${each.name}.${name}`)),
  );
}

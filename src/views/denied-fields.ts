/** Which fields of a view a plan does not grant. */
import {
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isUnionType,
} from 'graphql';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { Selectors } from './selectors.ts';
import type { View } from './view.ts';

export interface Denied {
  /** Coordinates of object types. */
  readonly fields: ReadonlySet<string>;
  /**
   * Names of types that are gone: of which nothing is granted. What gives nothing else is denied with them. An interface is gone with all
   * its types, or when those that are left have none of its fields in common any more.
   */
  readonly types: ReadonlySet<string>;
}

/** Whether a field is of a type that is gone. @param coordinate `Type.field` */
export function isOfGoneType({ types }: Denied, coordinate: string): boolean {
  return types.has(coordinate.split('.', 1)[0]!);
}

/** @param everExcluded identities of fields that `exclude` has meant, whatever they are called now */
export function deniedFields(
  view: Pick<View, 'schema' | 'tags' | 'types'>,
  { include, exclude }: PlanSettings['fields'],
  everExcluded: readonly string[] = [],
): Denied {
  const denying = new Denying(view);
  if (include === undefined && exclude.length === 0) return denying;
  const included = include === undefined ? undefined : new Selectors(include);
  const excluded = new Selectors(exclude);
  const gone = new Set<string | undefined>(everExcluded);
  for (const type of denying.objects)
    for (const name of Object.keys(type.getFields()))
      if (
        included?.match(view, type, name) === false ||
        excluded.match(view, type, name) ||
        gone.has(identityOf(view, type.name, name))
      )
        denying.fields.add(`${type.name}.${name}`);
  denying.settle();
  return denying;
}

/** Identities of the fields that a plan excludes, and of those that its selectors grant. */
export function meaningOf(
  view: View,
  { include, exclude }: PlanSettings['fields'],
): { readonly excluded: ReadonlySet<string>; readonly granted: ReadonlySet<string> } {
  const included = include === undefined ? undefined : new Selectors(include);
  const excluding = new Selectors(exclude);
  const excluded = new Set<string>();
  const granted = new Set<string>();
  for (const type of Object.values(view.schema.getTypeMap()).filter(isObjectType))
    for (const name of Object.keys(type.getFields())) {
      const identity = identityOf(view, type.name, name);
      if (identity === undefined) continue;
      if (excluding.match(view, type, name)) excluded.add(identity);
      else if (included?.match(view, type, name) !== false) granted.add(identity);
    }
  return { excluded, granted };
}

/** What a field is in the graph, however a view calls it and its type: `Rider/account.balance`. */
function identityOf({ types }: Pick<View, 'types'>, typeName: string, fieldName: string): string | undefined {
  const type = types.get(typeName);
  const field = type?.fields.get(fieldName);
  return type === undefined || field === undefined ? undefined : `${type.graphName}/${field.steps.join('.')}`;
}

/** Names. A field of an interface is granted where each type that may be there and is not gone grants it. */
export function grantedFields(
  { schema }: Pick<View, 'schema'>,
  { fields, types }: Denied,
  type: GraphQLNamedType,
): readonly string[] {
  if (isObjectType(type))
    return Object.keys(type.getFields()).filter((name) => !fields.has(`${type.name}.${name}`));
  if (!isInterfaceType(type)) return [];
  const left = schema.getPossibleTypes(type).filter(({ name }) => !types.has(name));
  if (left.length === 0) return [];
  return Object.keys(type.getFields()).filter((name) =>
    left.every((each) => !fields.has(`${each.name}.${name}`)),
  );
}

class Denying implements Denied {
  readonly fields = new Set<string>();
  readonly types = new Set<string>();
  readonly objects: readonly GraphQLObjectType[];
  readonly #view: Pick<View, 'schema'>;
  readonly #composites: readonly GraphQLCompositeType[];

  constructor(view: Pick<View, 'schema'>) {
    this.#view = view;
    this.#composites = Object.values(view.schema.getTypeMap()).filter(
      (type): type is GraphQLCompositeType => isCompositeType(type) && !isIntrospectionType(type),
    );
    this.objects = this.#composites.filter(isObjectType);
  }

  /** What follows from the fields that are denied so far. */
  settle(): void {
    const around = new Surroundings(this.#composites);
    let changed: ReadonlySet<GraphQLCompositeType> = new Set(this.#composites);
    while (changed.size > 0) {
      // Each type is looked at anew only when something of it has changed.
      const gone = [...changed].filter((type) => !this.types.has(type.name) && this.#isGone(type));
      // The fewer types are left, the more they may have in common: interfaces are judged once nothing else changes.
      changed = this.#remove(gone.length > 0 ? gone : this.#emptyInterfaces(), around);
    }
  }

  /** @returns what may be gone because of that */
  #remove(gone: readonly GraphQLCompositeType[], around: Surroundings): ReadonlySet<GraphQLCompositeType> {
    const changed = new Set<GraphQLCompositeType>();
    for (const type of gone) {
      this.types.add(type.name);
      for (const each of around.abstractOf(type)) changed.add(each);
      for (const { owner, name } of around.giversOf(type)) {
        this.fields.add(`${owner.name}.${name}`);
        changed.add(owner);
      }
    }
    return changed;
  }

  #isGone(type: GraphQLCompositeType): boolean {
    return isObjectType(type)
      ? grantedFields(this.#view, this, type).length === 0
      : this.#view.schema.getPossibleTypes(type).every(({ name }) => this.types.has(name));
  }

  #emptyInterfaces(): readonly GraphQLCompositeType[] {
    return this.#composites.filter(
      (type) =>
        isInterfaceType(type) &&
        !this.types.has(type.name) &&
        grantedFields(this.#view, this, type).length === 0,
    );
  }
}

/** Where types are used. */
class Surroundings {
  readonly #givers = new Map<string, Array<{ readonly owner: GraphQLObjectType; readonly name: string }>>();
  readonly #abstract = new Map<string, GraphQLCompositeType[]>();

  constructor(types: readonly GraphQLCompositeType[]) {
    for (const type of types) {
      if (isUnionType(type)) for (const { name } of type.getTypes()) add(this.#abstract, name, type);
      if (!isObjectType(type)) continue;
      for (const each of type.getInterfaces()) add(this.#abstract, type.name, each);
      for (const { name, type: given } of Object.values(type.getFields()))
        add(this.#givers, getNamedType(given).name, { owner: type, name });
    }
  }

  /** Fields of objects. */
  giversOf({ name }: GraphQLCompositeType) {
    return this.#givers.get(name) ?? [];
  }

  /** The interfaces and unions that an object is one of. */
  abstractOf({ name }: GraphQLCompositeType): readonly GraphQLCompositeType[] {
    return this.#abstract.get(name) ?? [];
  }
}

function add<Value>(lists: Map<string, Value[]>, name: string, value: Value): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

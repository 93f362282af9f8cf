/** The schema as a plan shows it: without the fields that it does not grant, and without the types that nothing leads to any more. */
import {
  type GraphQLFieldConfigMap,
  GraphQLInterfaceType,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLSchema,
  GraphQLUnionType,
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { type Denied, grantedFields } from './denied-fields.ts';
import type { View } from './view.ts';

export function grantedSchema(view: Pick<View, 'schema'>, denied: Denied): GraphQLSchema {
  const pruning = new Pruning(view, denied);
  const root = (type: GraphQLObjectType | null | undefined) =>
    type && !denied.types.has(type.name) ? (pruning.shown(type) as GraphQLObjectType) : undefined;
  const query = view.schema.getQueryType()!;
  return new GraphQLSchema({
    // A schema has one, also where nothing of it is granted.
    query: pruning.shown(query) as GraphQLObjectType,
    mutation: root(view.schema.getMutationType()),
    subscription: root(view.schema.getSubscriptionType()),
    types: pruning.behindInterfaces().map((type) => pruning.shown(type)),
    directives: view.schema.getDirectives(),
    // It is part of one that was checked.
    assumeValid: true,
  });
}

class Pruning {
  readonly #view: Pick<View, 'schema'>;
  readonly #denied: Denied;
  readonly #shown = new Map<string, GraphQLNamedType>();

  constructor(view: Pick<View, 'schema'>, denied: Denied) {
    this.#view = view;
    this.#denied = denied;
  }

  /** Types without fields are shared with the whole schema. */
  shown(type: GraphQLNamedType): GraphQLNamedType {
    const known = this.#shown.get(type.name);
    if (known !== undefined) return known;
    const made = this.#make(type);
    this.#shown.set(type.name, made);
    return made;
  }

  /** The types that only an interface leads to. */
  behindInterfaces(): readonly GraphQLNamedType[] {
    const { schema } = this.#view;
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    const found = new Set<GraphQLNamedType>();
    const pending: GraphQLNamedType[] = roots.filter((type) => type !== null && type !== undefined);
    for (let type = pending.pop(); type !== undefined; type = pending.pop()) {
      if (found.has(type) || isInputObjectType(type) || this.#denied.types.has(type.name)) continue;
      found.add(type);
      if (isUnionType(type)) pending.push(...type.getTypes());
      if (isInterfaceType(type)) pending.push(...schema.getPossibleTypes(type));
      if (!isObjectType(type) && !isInterfaceType(type)) continue;
      pending.push(...type.getInterfaces());
      for (const name of grantedFields(this.#view, this.#denied, type))
        pending.push(getNamedType(type.getFields()[name]!.type));
    }
    return [...found].filter((type) => isObjectType(type) && type.getInterfaces().length > 0);
  }

  #make(type: GraphQLNamedType): GraphQLNamedType {
    if (isObjectType(type))
      return new GraphQLObjectType({
        ...type.toConfig(),
        fields: () => this.#fields(type),
        interfaces: () => this.#interfaces(type),
      });
    if (isInterfaceType(type))
      return new GraphQLInterfaceType({
        ...type.toConfig(),
        fields: () => this.#fields(type),
        interfaces: () => this.#interfaces(type),
      });
    if (isUnionType(type))
      return new GraphQLUnionType({
        ...type.toConfig(),
        types: () => this.#left(type.getTypes()) as readonly GraphQLObjectType[],
      });
    return type;
  }

  #fields(type: GraphQLObjectType | GraphQLInterfaceType): GraphQLFieldConfigMap<unknown, unknown> {
    const { fields } = type.toConfig();
    return Object.fromEntries(
      grantedFields(this.#view, this.#denied, type).map((name) => {
        const field = fields[name]!;
        return [name, { ...field, type: this.#output(field.type) }];
      }),
    );
  }

  #interfaces(type: GraphQLObjectType | GraphQLInterfaceType): readonly GraphQLInterfaceType[] {
    return this.#left(type.getInterfaces()) as readonly GraphQLInterfaceType[];
  }

  #left(types: readonly GraphQLNamedType[]): readonly GraphQLNamedType[] {
    return types.filter((type) => !this.#denied.types.has(type.name)).map((type) => this.shown(type));
  }

  #output(type: GraphQLOutputType): GraphQLOutputType {
    if (isNonNullType(type)) return new GraphQLNonNull(this.#output(type.ofType) as never);
    if (isListType(type)) return new GraphQLList(this.#output(type.ofType));
    return this.shown(type) as GraphQLOutputType;
  }
}

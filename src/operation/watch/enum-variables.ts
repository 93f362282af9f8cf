/** Enum values that come in variables: looked for only where an operation has variables that may hold some. */
import {
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
import type { Operation } from '../../execute/engine.ts';

/** Of one request. More are not counted: no limit on variables is meant to make counting dear. */
const MAX_VALUES = 1000;

export class EnumVariables {
  readonly #variables: ReadonlyArray<readonly [name: string, type: GraphQLNamedType]>;
  readonly #holding: ReadonlySet<GraphQLNamedType>;

  /** Undefined where there is nothing to look for. @param holding as {@link typesWithEnums} gives them @param findUsed names of variables */
  static of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode | undefined,
    {
      holding,
      findUsed,
    }: { readonly holding: ReadonlySet<GraphQLNamedType>; readonly findUsed: () => ReadonlySet<string> },
  ): EnumVariables | undefined {
    const variables = (operation?.variableDefinitions ?? []).flatMap(({ variable, type: node }) => {
      const type = getNamedType(typeFromAST(schema, node) as GraphQLInputType | undefined);
      return type !== undefined && holding.has(type) ? [[variable.name.value, type] as const] : [];
    });
    if (variables.length === 0) return undefined;
    const names = findUsed();
    const used = variables.filter(([name]) => names.has(name));
    return used.length === 0 ? undefined : new EnumVariables(used, holding);
  }

  private constructor(
    variables: ReadonlyArray<readonly [string, GraphQLNamedType]>,
    holding: ReadonlySet<GraphQLNamedType>,
  ) {
    this.#variables = variables;
    this.#holding = holding;
  }

  /** Each value once per request. Of variables that were found good. */
  count(variables: Operation['variables'], found: (type: string, value: string) => void): void {
    const seen = new Set<string>();
    let left = MAX_VALUES;
    const look = (type: GraphQLNamedType, value: unknown): void => {
      if (value === null || value === undefined || left-- <= 0) return;
      if (Array.isArray(value)) {
        for (const item of value) look(type, item);
      } else if (isEnumType(type)) {
        if (typeof value !== 'string' || type.getValue(value) === undefined) return;
        const id = `${type.name}.${value}`;
        if (seen.has(id)) return;
        seen.add(id);
        found(type.name, value);
      } else if (isInputObjectType(type) && typeof value === 'object') {
        for (const [name, field] of Object.entries(type.getFields())) {
          const inner = getNamedType(field.type);
          if (this.#holding.has(inner) && Object.hasOwn(value, name))
            look(inner, (value as Readonly<Record<string, unknown>>)[name]);
        }
      }
    };
    for (const [name, type] of this.#variables)
      if (Object.hasOwn(variables, name)) look(type, variables[name]);
  }
}

/** The types in whose values enums may stand, at any depth. */
export function typesWithEnums(schema: GraphQLSchema): ReadonlySet<GraphQLNamedType> {
  const types = Object.values(schema.getTypeMap());
  const holders = new Map<GraphQLNamedType, GraphQLNamedType[]>();
  for (const type of types.filter(isInputObjectType)) {
    for (const field of Object.values(type.getFields())) {
      const inner = getNamedType(field.type);
      holders.set(inner, [...(holders.get(inner) ?? []), type]);
    }
  }
  const found = new Set<GraphQLNamedType>(types.filter(isEnumType));
  // What is added meanwhile has its turn, too.
  for (const type of found) for (const holder of holders.get(type) ?? []) found.add(holder);
  return found;
}

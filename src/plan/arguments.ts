/** Arguments of a view's field as a function of the variables: constant where no variable stands in them. */
import {
  type FieldNode,
  type GraphQLField,
  getArgumentValues,
  isNonNullType,
  Kind,
  type ValueNode,
  type VariableValues,
  visit,
} from 'graphql';

export type ArgumentsOf = (variables: VariableValues) => Readonly<Record<string, unknown>>;

export const NO_VARIABLES: VariableValues = { sources: {}, coerced: Object.create(null) };

const NONE: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** @returns a function that throws GraphQLError as graphql-js would */
export function compileArguments(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): { readonly of: ArgumentsOf; readonly constant: boolean } {
  if (field.args.length === 0) return { of: () => NONE, constant: true };
  const given = node.arguments ?? [];
  if (!given.some(({ value }) => hasVariable(value))) {
    let values: Readonly<Record<string, unknown>> | undefined;
    return {
      // Not before the first run: a constant that does not fit is that field's error.
      of: () => {
        values ??= getArgumentValues(field, node);
        return values;
      },
      constant: true,
    };
  }
  const plain =
    given.every(({ value }) => value.kind === Kind.VARIABLE) && given.length === field.args.length;
  // Where every argument is a nullable variable without a default, the coerced variable is the argument.
  if (
    plain &&
    field.args.every(({ type, default: preset }) => !isNonNullType(type) && preset === undefined)
  ) {
    const pairs = given.map(
      ({ name, value }) => [name.value, (value as { name: { value: string } }).name.value] as const,
    );
    return {
      of: ({ coerced }) => {
        const values: Record<string, unknown> = Object.create(null);
        for (const [name, variable] of pairs)
          if (Object.hasOwn(coerced, variable)) values[name] = coerced[variable];
        return values;
      },
      constant: false,
    };
  }
  return { of: (variables) => getArgumentValues(field, node, variables), constant: false };
}

function hasVariable(value: ValueNode): boolean {
  let found = false;
  visit(value, {
    Variable() {
      found = true;
    },
  });
  return found;
}

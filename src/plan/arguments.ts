/** Arguments of a view's field as a function of the variables: constant where no variable stands in them. */
import {
  type ArgumentNode,
  type FieldNode,
  type GraphQLArgument,
  type GraphQLField,
  getArgumentValues,
  isNonNullType,
  Kind,
  type ValueNode,
  type VariableValues,
  visit,
} from 'graphql';
import { bareObject } from '../bare-object.ts';

export type ArgumentsOf = (variables: VariableValues) => Readonly<Record<string, unknown>>;

type Given = Record<string, unknown>;
type Field = GraphQLField<unknown, unknown>;

const NONE: Readonly<Given> = Object.freeze(Object.create(null));

/** @returns a function that throws GraphQLError as graphql-js would */
export function compileArguments(
  field: Field,
  node: FieldNode,
): { readonly of: ArgumentsOf; readonly constant: boolean } {
  if (field.args.length === 0) return { of: () => NONE, constant: true };
  const given = new Map((node.arguments ?? []).map((argument) => [argument.name.value, argument]));
  const constants = field.args.filter(({ name }) => !hasVariable(given.get(name)?.value));
  // Not before the first run: a constant that does not fit is that field's error.
  const constantsOf = once(() => getArgumentValues(only(field, constants), node));
  if (constants.length === field.args.length) return { of: constantsOf, constant: true };
  const inFull: ArgumentsOf = (variables) => getArgumentValues(field, node, variables);
  const parts = field.args.map((argument) =>
    constants.includes(argument)
      ? copyOf(argument, constantsOf)
      : variableOf(field, argument, given.get(argument.name)!),
  );
  if (parts.includes(undefined)) return { of: inFull, constant: false };
  return {
    of: (variables) => {
      const values = bareObject();
      for (const part of parts) if (!part!(values, variables)) return inFull(variables);
      return values;
    },
    constant: false,
  };
}

/** Puts one argument in its place; false when graphql-js has to say what is wrong. */
type Part = (values: Given, variables: VariableValues) => boolean;

function copyOf({ name }: GraphQLArgument, constantsOf: () => Readonly<Given>): Part {
  return (values) => {
    const constants = constantsOf();
    if (Object.hasOwn(constants, name)) values[name] = constants[name];
    return true;
  };
}

/** Undefined where a variable stands inside of a list or object. */
function variableOf(field: Field, argument: GraphQLArgument, { value }: ArgumentNode): Part | undefined {
  if (value.kind !== Kind.VARIABLE) return undefined;
  const { name, type } = argument;
  const variable = value.name.value;
  const isNonNull = isNonNullType(type);
  const preset = once(() => getArgumentValues(only(field, [argument]), NO_ARGUMENTS_GIVEN));
  return (values, { coerced }) => {
    if (Object.hasOwn(coerced, variable)) {
      const coercedValue = coerced[variable];
      values[name] = coercedValue;
      return coercedValue !== null || !isNonNull;
    }
    if (argument.default === undefined) return !isNonNull;
    values[name] = preset()[name];
    return true;
  };
}

const NO_ARGUMENTS_GIVEN = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '' } } as const;

function only(field: Field, args: readonly GraphQLArgument[]): Field {
  return Object.create(field, { args: { value: args } }) as Field;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function hasVariable(value: ValueNode | undefined): boolean {
  if (value === undefined) return false;
  let found = false;
  visit(value, {
    Variable() {
      found = true;
    },
  });
  return found;
}

/** Coercion of an operation's variables: what nearly all values are is checked here, whatever else is graphql-js's to judge. */
import {
  coerceInputValue,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getVariableValues,
  isEnumType,
  isNonNullType,
  isScalarType,
  specifiedScalarTypes,
  typeFromAST,
  type VariableDefinitionNode,
  type VariableValues,
} from 'graphql';
import { bareObject } from '../bare-object.ts';

const MAX_ERRORS = 50;

export const NO_VARIABLES: VariableValues = { sources: {}, coerced: Object.create(null) };

type Given = Readonly<Record<string, unknown>>;

/** As `getVariableValues` of graphql-js: the same values, the same errors. */
export type CoerceVariables = (
  given: Given,
) => { readonly values: VariableValues } | { readonly errors: readonly GraphQLError[] };

/** @param options `hideSuggestions` in errors */
export function compileVariables(
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
  options: { readonly hideSuggestions: boolean },
): CoerceVariables {
  if (definitions.length === 0) return () => ({ values: NO_VARIABLES });
  const inFull: CoerceVariables = (given) => {
    const outcome = getVariableValues(schema, definitions, given, { maxErrors: MAX_ERRORS, ...options });
    return outcome.errors === undefined ? { values: outcome.variableValues } : { errors: outcome.errors };
  };
  const parts = definitions.map((definition) => compilePart(schema, definition));
  return (given) => {
    const coerced = bareObject();
    for (const part of parts) {
      if (part === undefined || !part(given, coerced)) return inFull(given);
    }
    return { values: new Values(coerced, () => inFull(given)) };
  };
}

/** `sources` is for arguments that have variables inside; few have. */
class Values implements VariableValues {
  readonly coerced: VariableValues['coerced'];
  readonly #inFull: () => ReturnType<CoerceVariables>;

  constructor(coerced: VariableValues['coerced'], inFull: () => ReturnType<CoerceVariables>) {
    this.coerced = coerced;
    this.#inFull = inFull;
  }

  get sources(): VariableValues['sources'] {
    const outcome = this.#inFull();
    return 'values' in outcome ? outcome.values.sources : {};
  }
}

/** Puts one value in its place; false when the whole has to be looked at in full. */
type Part = (given: Given, coerced: Record<string, unknown>) => boolean;

function compilePart(schema: GraphQLSchema, definition: VariableDefinitionNode): Part | undefined {
  const { variable, type: node } = definition;
  const type = typeFromAST(schema, node) as GraphQLInputType | undefined;
  if (type === undefined) return undefined;
  const name = variable.name.value;
  const isRequired = isNonNullType(type);
  const coerce = compileCoerce(isRequired ? type.ofType : type);
  const absent = compileAbsent(schema, definition, isRequired);
  return (given, coerced) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) return absent(coerced);
    if (value === null) {
      coerced[name] = null;
      return !isRequired;
    }
    const result = coerce(value);
    coerced[name] = result;
    return result !== undefined;
  };
}

function compileAbsent(
  schema: GraphQLSchema,
  definition: VariableDefinitionNode,
  isRequired: boolean,
): (coerced: Record<string, unknown>) => boolean {
  if (definition.defaultValue === undefined) return () => !isRequired;
  const name = definition.variable.name.value;
  let preset: VariableValues['coerced'] | 'refused' | undefined;
  return (coerced) => {
    preset ??= getVariableValues(schema, [definition], {}).variableValues?.coerced ?? 'refused';
    if (preset === 'refused') return false;
    if (Object.hasOwn(preset, name)) coerced[name] = preset[name];
    return true;
  };
}

/** Undefined is what needs a second look: it may be wrong, or only unusual. */
function compileCoerce(type: GraphQLInputType): (value: unknown) => unknown {
  if (isEnumType(type))
    return (value) => (typeof value === 'string' ? type.getValue(value)?.value : undefined);
  const accepts = isScalarType(type) && specifiedScalarTypes.includes(type) ? ACCEPTS[type.name] : undefined;
  return accepts === undefined
    ? (value) => coerceInputValue(value, type)
    : (value) => (accepts(value) ? value : undefined);
}

const ACCEPTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  String: (value) => typeof value === 'string',
  ID: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  // Minus zero is one of those that need a second look.
  Int: (value) => (typeof value === 'number' ? (value | 0) === value && !Object.is(value, -0) : false),
  Float: (value) => Number.isFinite(value),
};

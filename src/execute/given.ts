/**
 * Values that one backend gave on their way to another, as keys or required arguments. They are read as the argument's type, as a
 * client would have to give them: a backend that validates refuses a whole batch for one value that does not fit.
 */
import {
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
} from 'graphql';
import { UpstreamError } from '../errors.ts';
import type { ConnectorField, Lookup } from '../load/model.ts';
import { isTooDeep } from '../load/scalars.ts';

type Coerce = (value: unknown) => unknown;

/** For an argument of a field. The result @throws {UpstreamError} BAD_ARGUMENT */
export function toGiven(field: ConnectorField, argument: string): Coerce {
  const type = field.args.find(({ name }) => name === argument)?.type;
  return type === undefined ? (value) => value : guarded(field, argument, compileCoerce(type));
}

/** For one key of an argument of a lookup: an item where the argument takes many. */
export function toGivenKey({ field }: Lookup, { name, list }: Lookup['arguments'][number]): Coerce {
  const type = field.args.find((argument) => argument.name === name)?.type;
  if (type === undefined) return (value) => value;
  const nullable = isNonNullType(type) ? type.ofType : type;
  return guarded(field, name, compileCoerce(list && isListType(nullable) ? nullable.ofType : type));
}

function guarded(field: ConnectorField, argument: string, coerce: Coerce): Coerce {
  return (value) => {
    try {
      return coerce(value);
    } catch (cause) {
      throw new UpstreamError('BAD_ARGUMENT', field.owner.connector.name, {
        internal: `"${argument}" of ${field.coordinate}: ${String((cause as Error).message)}`,
        cause,
      });
    }
  };
}

/** Null at the top stays: whether an argument may be absent is decided where all of them are known. */
function compileCoerce(type: GraphQLInputType): Coerce {
  if (isNonNullType(type)) return compileCoerce(type.ofType);
  const present = compilePresent(type);
  return (value) => (value === null || value === undefined ? value : present(value));
}

function compileInside(type: GraphQLInputType): Coerce {
  const coerce = compileCoerce(type);
  if (!isNonNullType(type)) return coerce;
  return (value) => {
    if (value === null || value === undefined) throw new TypeError(`null for ${type}`);
    return coerce(value);
  };
}

function compilePresent(type: GraphQLInputType): Coerce {
  if (isNonNullType(type)) return compilePresent(type.ofType);
  if (isListType(type)) {
    const item = compileInside(type.ofType);
    return (value) => {
      if (!Array.isArray(value)) throw new TypeError(`no list for ${type}`);
      return value.map(item);
    };
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    // Types of fields may be the type itself.
    let coercers: ReadonlyArray<readonly [string, Coerce]> | undefined;
    return (value) => {
      if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`no object for ${type}`);
      coercers ??= fields.map(
        (field) =>
          [
            field.name,
            field.default === undefined ? compileInside(field.type) : compileCoerce(field.type),
          ] as const,
      );
      const result: Record<string, unknown> = Object.create(null);
      for (const [name, coerce] of coercers) {
        const given = coerce((value as Record<string, unknown>)[name]);
        if (given !== undefined) result[name] = given;
      }
      return result;
    };
  }
  if (isEnumType(type)) {
    return (value) => {
      if (typeof value !== 'string' || type.getValue(value) === undefined)
        throw new TypeError(`no value of ${type}`);
      return value;
    };
  }
  if (!isSpecifiedScalarType(type))
    return (value) => {
      if (isTooDeep(value)) throw new TypeError(`nested too deep for ${type}`);
      return type.coerceOutputValue(value);
    };
  const isText = type.name === 'ID' || type.name === 'String';
  return (value) => (isText && typeof value === 'string' ? value : type.coerceOutputValue(value));
}

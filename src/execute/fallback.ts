/** `@fallback`: why it stands in for what a backend gave, decided once per field. An answer that cannot be read is a failure like others. */
import {
  type GraphQLOutputType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql';
import { isPlain } from '../bare-object.ts';
import { UpstreamError } from '../errors.ts';
import { isObject } from '../json-object.ts';
import type { Connector, ConnectorField } from '../load/model.ts';
import { scalarReader, whyNoScalar } from '../load/scalars.ts';
import { textOf } from '../mapping/text-of.ts';
import { type Execution, noteFallback } from './execution.ts';
import { concrete, isUnset } from './object-value.ts';
import { fromWire } from './wire.ts';

/** What a value is a failure by; undefined for what the field may give, and for what no fallback stands in for. */
type Failure = (value: unknown) => UpstreamError | undefined;

const byField = new WeakMap<ConnectorField, Failure>();

/** The value itself, or the fallback in its place, which leaves a trace. A denial stays. */
export function orFallback(
  execution: Pick<Execution, 'fallbacks'>,
  field: ConnectorField,
  value: unknown,
): unknown {
  const { fallback, coordinate } = field;
  if (fallback === undefined) return value;
  const failure = failureOf(field)(value);
  if (failure === undefined || failure.code === 'UNAUTHENTICATED') return value;
  noteFallback(execution, { coordinate, connector: failure.connector, code: failure.code });
  return fallback.value;
}

function failureOf(field: ConnectorField): Failure {
  let failure = byField.get(field);
  if (failure === undefined) {
    failure = compile(field.owner.connector, field.type);
    byField.set(field, failure);
  }
  return failure;
}

function compile(connector: Connector, type: GraphQLOutputType): Failure {
  const invalid = (internal: string) => new UpstreamError('UPSTREAM_INVALID', connector.name, { internal });
  const isNullable = !isNonNullType(type);
  const present = compilePresent(connector, isNullable ? type : type.ofType, invalid);
  return (value) => {
    if (value === null || value === undefined) return isNullable ? undefined : invalid(`null for ${type}`);
    if (value instanceof Error) return value instanceof UpstreamError ? value : undefined;
    return present(value);
  };
}

/** Objects are judged field by field, elsewhere. */
function compilePresent(
  connector: Connector,
  type: GraphQLOutputType,
  invalid: (internal: string) => UpstreamError,
): Failure {
  if (isListType(type)) {
    // An item that may be null is null with an error, and the others stay.
    if (!isNonNullType(type.ofType))
      return (value) => (Array.isArray(value) ? undefined : invalid(`no list for ${type}`));
    const item = compile(connector, type.ofType);
    return (value) => {
      if (!Array.isArray(value)) return invalid(`no list for ${type}`);
      for (const one of value) {
        const failure = item(one);
        if (failure !== undefined) return failure;
      }
      return undefined;
    };
  }
  if (isEnumType(type))
    return (value) =>
      type.getValue(textOf(fromWire(connector, type.name, value))) === undefined
        ? invalid(`"${textOf(value)}" is no ${type}`)
        : undefined;
  if (!isLeafType(type))
    return (value) => {
      if (!isObject(value)) return invalid(`no object for ${type}`);
      return isAbstractType(type) &&
        isPlain(value) &&
        !isUnset(connector, type.name, value) &&
        concrete(connector, type.name, value) === undefined
        ? invalid(`a record of ${type} does not say which type it is`)
        : undefined;
    };
  const read = scalarReader(type);
  return (value) => (read(value) === undefined ? invalid(whyNoScalar(type, value)) : undefined);
}

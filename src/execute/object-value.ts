/** What connectors answer, in the graph's terms: objects that are on their way, and of which type each is. */
import {
  type GraphQLOutputType,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { UpstreamError } from '../errors.ts';
import type { Origin, Route } from '../graph/graph.ts';
import type { Connector } from '../load/model.ts';
import { toKeyReader } from '../mapping/path.ts';
import { textOf } from '../mapping/text-of.ts';
import type { WantedByType } from './wanted.ts';
import { fromWire } from './wire.ts';

/** An object on its way: which type it is, where it came from, and the record it came with. */
export class ObjectValue {
  readonly typeName: string;
  readonly origin: Origin;
  readonly record: unknown;
  readonly wanted: WantedByType;
  /** Records of other connectors, each asked for once. */
  readonly routed = new Map<Route['lookup'], Promise<unknown>>();

  constructor(typeName: string, origin: Origin, record: unknown, wanted: WantedByType) {
    this.typeName = typeName;
    this.origin = origin;
    this.record = record;
    this.wanted = wanted;
  }
}

/** Raw values of a connector in the graph's terms. */
export function wrap(
  raw: unknown,
  type: GraphQLOutputType,
  connector: Connector,
  origin: Origin,
  wanted: WantedByType,
): unknown {
  if (raw === null || raw === undefined) return null;
  if (raw instanceof Error) return raw;
  if (isNonNullType(type)) return wrap(raw, type.ofType, connector, origin, wanted);
  if (isListType(type)) {
    if (Array.isArray(raw)) return raw.map((item) => wrap(item, type.ofType, connector, origin, wanted));
    return new UpstreamError('UPSTREAM_INVALID', connector.name, {
      internal: `expected a list for ${type}, got ${describe(raw)}`,
    });
  }
  if (isObjectType(type) || isAbstractType(type)) {
    if (typeof raw !== 'object' || Array.isArray(raw)) {
      return new UpstreamError('UPSTREAM_INVALID', connector.name, {
        internal: `expected an object for ${type}, got ${describe(raw)}`,
      });
    }
    if (isObjectType(type)) return new ObjectValue(type.name, origin, raw, wanted);
    if (isUnset(connector, type.name, raw)) return null;
    const found = concrete(connector, type.name, raw);
    if (found !== undefined) return new ObjectValue(found.typeName, origin, found.record, wanted);
    return new UpstreamError('UPSTREAM_INVALID', connector.name, {
      internal: `a record of ${type} does not say which type it is`,
    });
  }
  return isEnumType(type) ? fromWire(connector, type.name, raw) : raw;
}

/** With a nested discriminator (a protobuf oneof) a record may hold none of the types. */
export function isUnset(connector: Connector, typeName: string, record: unknown): boolean {
  const discriminator = connector.types.get(typeName)?.discriminator;
  return discriminator?.nested === true && (discriminator.property(record) ?? null) === null;
}

/** Which concrete type a record of an abstract one is: by its discriminator, by `__typename`, or because there is only one. */
export function concrete(
  connector: Connector,
  typeName: string,
  record: unknown,
): { readonly typeName: string; readonly record: unknown } | undefined {
  const discriminator = connector.types.get(typeName)?.discriminator;
  const said = discriminator?.property(record) ?? undefined;
  // A stub says it by `__typename`, whatever says it in records.
  if (
    discriminator !== undefined &&
    (said !== undefined || toKeyReader('__typename')(record) === undefined)
  ) {
    const value = textOf(said);
    const name = discriminator.typeOf.get(value);
    if (name === undefined) return undefined;
    return { typeName: name, record: discriminator.nested ? (toKeyReader(value)(record) ?? {}) : record };
  }
  const type = connector.schema.getType(typeName);
  const possible = isAbstractType(type)
    ? connector.schema.getPossibleTypes(type).map(({ name }) => name)
    : [];
  const own = toKeyReader('__typename')(record);
  if (typeof own === 'string' && possible.includes(own)) return { typeName: own, record };
  return possible.length === 1 ? { typeName: possible[0]!, record } : undefined;
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value;
}

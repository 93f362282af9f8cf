/**
 * From bytes to records. protobufjs generates a function per message type that makes plain objects; what it leaves
 * different from the table in `docs/connectors/grpc.md` is repaired here, once per type and only where a type needs it, so that
 * an answer is walked once.
 */
import protobuf, { type Field, type IConversionOptions, type Type } from 'protobufjs';
import { boundMessages } from './bounded-messages.ts';
import { ANY, type Decoded, WELL_KNOWN, WRAPPERS } from './well-known.ts';

/** int64 and enums as text, bytes as base64, NaN and Infinity as text; implicit defaults are filled in. */
const CONVERSION: IConversionOptions = {
  longs: String,
  enums: String,
  bytes: String,
  json: true,
  defaults: true,
};

type PlainRecord = Record<string, unknown>;
/** What generated functions are called with; the depth bounds recursion. */
type ToObject = (message: Decoded, options: IConversionOptions, depth?: number) => unknown;
type Repair = (record: PlainRecord, message: Decoded) => void;

export class AnswerTypes {
  readonly #types: ReadonlyMap<string, Type>;
  readonly #prepared = new Set<Type>();

  constructor(types: ReadonlyMap<string, Type>) {
    this.#types = types;
  }

  /** @returns a function that throws any kind of error when the bytes are not such a message, or one of too many others */
  reader(type: Type, maxObjects: number): (bytes: Uint8Array) => unknown {
    this.#prepare(type);
    const bound = boundMessages(type, maxObjects);
    return (bytes) => {
      bound(bytes);
      return type.toObject(type.decode(bytes), CONVERSION);
    };
  }

  /** The record of a message that travelled as bytes inside another. Undefined when its type is unknown or the bytes are not of it. */
  readAny(typeUrl: string, bytes: Uint8Array, depth = 0): unknown {
    const type = this.#types.get(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
    if (type === undefined) return undefined;
    this.#prepare(type);
    try {
      return (type.toObject as unknown as ToObject)(
        type.decode(bytes) as unknown as Decoded,
        CONVERSION,
        depth,
      );
    } catch {
      return undefined;
    }
  }

  #prepare(type: Type): void {
    if (this.#prepared.has(type)) return;
    this.#prepared.add(type);
    type.setup();
    const own = this.#ownConversion(type);
    if (own !== undefined) {
      type.toObject = own as unknown as Type['toObject'];
      return;
    }
    for (const field of type.fieldsArray) {
      if (field.resolve().resolvedType instanceof protobuf.Type) this.#prepare(field.resolvedType as Type);
    }
    const repairs = repairsOf(type);
    if (repairs.length === 0) return;
    const generated = type.toObject.bind(type) as unknown as ToObject;
    const repaired: ToObject = (message, options, depth) => {
      const record = generated(message, options, depth) as PlainRecord;
      for (const repair of repairs) repair(record, message);
      return record;
    };
    type.toObject = repaired as unknown as Type['toObject'];
  }

  #ownConversion(type: Type): ToObject | undefined {
    const name = type.fullName.slice(1);
    if (name === ANY) return (message, _options, depth) => this.#fromAny(message, depth ?? 0);
    if (WRAPPERS.has(name)) {
      const generated = type.toObject.bind(type) as unknown as ToObject;
      return (message, options, depth) => (generated(message, options, depth) as PlainRecord).value;
    }
    return WELL_KNOWN.get(name)?.fromWire;
  }

  #fromAny(message: Decoded, depth: number): PlainRecord {
    const typeUrl = message.type_url ?? message.typeUrl;
    const bytes = message.value as Uint8Array;
    if (typeof typeUrl !== 'string' || typeUrl === '') return { '@type': '' };
    const record = this.readAny(typeUrl, bytes, depth + 1);
    if (record === undefined) return { '@type': typeUrl, value: Buffer.from(bytes).toString('base64') };
    const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    // The JSON form puts what is not an object of its own under "value".
    if (WELL_KNOWN.has(name) || WRAPPERS.has(name)) return { '@type': typeUrl, value: record };
    return { '@type': typeUrl, ...(record as PlainRecord) };
  }
}

function repairsOf(type: Type): Repair[] {
  const repairs: Repair[] = [];
  for (const field of type.fieldsArray) {
    if (field.resolvedType instanceof protobuf.Enum) repairs.push(unknownEnumNumbers(field));
    if (field instanceof protobuf.MapField && /64$/.test(field.keyType))
      repairs.push(longKeys(field.name, field.keyType));
    const repair = absence(field);
    if (repair !== undefined) repairs.push(repair);
  }
  for (const oneof of type.oneofsArray) {
    if (!oneof.isProto3Optional) repairs.push(memberOf(oneof.name, oneof.oneof));
  }
  return repairs;
}

/** A number that the enum has no name for yet stays readable, and stays one type: text. */
function unknownEnumNumbers({ name, repeated, map }: Field): Repair {
  const toText = (value: unknown) => (typeof value === 'number' ? String(value) : value);
  if (repeated) return (record) => (record[name] = (record[name] as unknown[]).map(toText));
  if (map) {
    return (record) => {
      const entries = record[name] as PlainRecord;
      for (const key of Object.keys(entries)) {
        if (typeof entries[key] === 'number') entries[key] = String(entries[key]);
      }
    };
  }
  return (record) => {
    if (typeof record[name] === 'number') record[name] = String(record[name]);
  };
}

/** protobufjs keeps 64-bit keys of maps as eight raw bytes. */
function longKeys(name: string, keyType: string): Repair {
  const unsigned = keyType === 'uint64' || keyType === 'fixed64';
  return (record) => {
    const entries = Object.entries(record[name] as PlainRecord);
    record[name] = Object.fromEntries(
      entries.map(([key, value]) => [protobuf.util.longFromHash(key, unsigned).toString(), value]),
    );
  };
}

/** Explicit presence outside of a oneof (proto2, editions): the generated function fills in a zero where nothing was sent. */
function absence(field: Field): Repair | undefined {
  const { name, partOf, options } = field;
  if (!field.hasPresence || partOf !== null || field.resolvedType instanceof protobuf.Type) return undefined;
  const declared: unknown = options?.default;
  if (declared !== undefined && !field.bytes) return undefined;
  const value =
    declared === undefined ? null : Buffer.from(field.typeDefault as Uint8Array).toString('base64');
  return (record, message) => {
    if (!Object.hasOwn(message, name)) record[name] = value;
  };
}

/** Which member of a oneof is set, under the oneof's name. */
function memberOf(oneof: string, members: readonly string[]): Repair {
  return (record, message) => {
    for (const member of members) {
      if (message[member] !== null && Object.hasOwn(message, member)) {
        record[oneof] = member;
        return;
      }
    }
    record[oneof] = null;
  };
}

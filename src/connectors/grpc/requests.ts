/** From values to request messages: one compiled converter per message type, which checks what it is given. */

import protobuf, { type Enum, type Field, type Type } from 'protobufjs';
import { isObject } from '../../json-object.ts';
import { Misfit } from './misfit.ts';
import { toScalar } from './scalars.ts';
import { ANY, WELL_KNOWN, WRAPPERS } from './well-known.ts';

/** Gives what protobufjs encodes. Null and undefined never come in. @throws {Misfit} */
export type ToWire = (value: unknown) => unknown;

export class RequestTypes {
  readonly #types: ReadonlyMap<string, Type>;
  readonly #converters = new Map<Type, ToWire>();

  constructor(types: ReadonlyMap<string, Type>) {
    this.#types = types;
  }

  /** The converter of a whole message, from an object with its JSON names. */
  message(type: Type): ToWire {
    const known = this.#converters.get(type);
    if (known !== undefined) return known;
    // Types may contain themselves: what is found while compiling calls what will be there when converting.
    this.#converters.set(type, (value) => this.#converters.get(type)!(value));
    const converter = this.#compile(type);
    this.#converters.set(type, converter);
    return converter;
  }

  /** The converter of one field, with its list or map around it. */
  field(field: Field): ToWire {
    const single = this.#single(field);
    if (field instanceof protobuf.MapField) return toMap(field.keyType, single);
    return field.repeated ? toList(single, isNullable(field)) : single;
  }

  #single(field: Field): ToWire {
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type) return this.message(resolvedType);
    return resolvedType instanceof protobuf.Enum ? toEnum(resolvedType) : toScalar(field.type);
  }

  #compile(type: Type): ToWire {
    const name = type.fullName.slice(1);
    if (name === ANY) return (value) => this.#toAny(value);
    if (WRAPPERS.has(name)) {
      const inner = this.field(type.fields.value!);
      return (value) => ({ value: inner(value) });
    }
    return WELL_KNOWN.get(name)?.toWire ?? this.#toObject(type);
  }

  #toObject(type: Type): ToWire {
    const fields = new Map(
      type.fieldsArray.map((field) => [
        field.name,
        {
          convert: this.field(field),
          nullable: isNullable(field),
          oneof: field.partOf?.isProto3Optional === false ? field.partOf.name : undefined,
        },
      ]),
    );
    const required = type.fieldsArray.filter((field) => field.required).map((field) => field.name);
    return (value) => {
      if (!isObject(value)) throw new Misfit('an object');
      const message: Record<string, unknown> = {};
      let chosen: Map<string, string> | undefined;
      for (const key of Object.keys(value)) {
        const item = value[key];
        const field = fields.get(key);
        if (field === undefined)
          throw Misfit.at(key, () => new Misfit(`left out: ${type.name} has no such field`));
        if (item === undefined || (item === null && !field.nullable)) continue;
        if (field.oneof !== undefined) {
          chosen ??= new Map();
          const other = chosen.get(field.oneof);
          if (other !== undefined)
            throw Misfit.at(key, () => new Misfit(`left out when "${other}" is given`));
          chosen.set(field.oneof, key);
        }
        message[key] = Misfit.at(key, () => field.convert(item));
      }
      for (const key of required) {
        if (!Object.hasOwn(message, key)) throw Misfit.at(key, () => new Misfit('given'));
      }
      return message;
    };
  }

  #toAny(value: unknown): unknown {
    const { '@type': typeUrl, ...rest } = (typeof value === 'object' ? value : {}) as Record<string, unknown>;
    if (typeof typeUrl !== 'string') throw new Misfit('an object with "@type"');
    const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    const type = this.#types.get(name);
    if (type === undefined) return { ...anyNames(typeUrl), value: toScalar('bytes')(rest.value ?? '') };
    const inner = WELL_KNOWN.has(name) || WRAPPERS.has(name) ? rest.value : rest;
    return {
      ...anyNames(typeUrl.includes('/') ? typeUrl : `type.googleapis.com/${typeUrl}`),
      value: type.encode(this.message(type)(inner) as Record<string, unknown>).finish(),
    };
  }
}

/** The bundled definition of Any says type_url, that of a descriptor set typeUrl. */
function anyNames(typeUrl: string): Record<string, string> {
  return { type_url: typeUrl, typeUrl };
}

/** google.protobuf.Value has a null of its own. */
function isNullable(field: Field): boolean {
  return field.resolve().resolvedType?.fullName === '.google.protobuf.Value';
}

function toList(convert: ToWire, nullable: boolean): ToWire {
  return (value) => {
    if (!Array.isArray(value)) throw new Misfit('a list');
    return value.map((item, index) =>
      Misfit.at(index, () => {
        if ((item === null || item === undefined) && !nullable) throw new Misfit('a value, not null');
        return convert(item ?? null);
      }),
    );
  };
}

function toMap(keyType: string, convert: ToWire): ToWire {
  const toKey = keyType === 'string' ? undefined : toScalar(keyType);
  return (value) => {
    if (!isObject(value)) throw new Misfit('an object');
    const entries: Record<string, unknown> = Object.create(null);
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined || item === null) continue;
      entries[Misfit.at(key, () => toEncodableKey(key, keyType, toKey))] = Misfit.at(key, () =>
        convert(item),
      );
    }
    return entries;
  };
}

/** protobufjs encodes the text of a key. As a boolean only the empty text is false. */
function toEncodableKey(key: string, keyType: string, check: ToWire | undefined): string {
  if (keyType === 'bool') {
    if (key !== 'true' && key !== 'false') throw new Misfit('an object whose keys are "true" and "false"');
    return key === 'true' ? key : '';
  }
  check?.(key);
  return key;
}

function toEnum(type: Enum): ToWire {
  return (value) => {
    if (typeof value === 'string') {
      if (Object.hasOwn(type.values, value)) return type.values[value];
      // What came as an unknown number goes back as one.
      if (/^-?\d{1,10}$/.test(value)) return toScalar('int32')(value);
    } else if (typeof value === 'number') {
      return toScalar('int32')(value);
    }
    const names = Object.keys(type.values);
    throw new Misfit(`one of ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`);
  };
}

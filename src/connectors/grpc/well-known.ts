/**
 * Protobuf's well-known types in their JSON form (https://protobuf.dev/programming-guides/json/), both ways. A duration's
 * fraction is written as short as it can be.
 */

import { isObject } from '../../json-object.ts';
import { Misfit } from './misfit.ts';
import { toJsonName, toProtoName } from './names.ts';

/** What protobufjs decodes: own properties are those that were on the wire, the prototype holds defaults. */
export type Decoded = Readonly<Record<string, unknown>>;

export interface WellKnownType {
  /** @throws {RangeError} when the value is none of its type */
  readonly fromWire: (message: Decoded) => unknown;
  /** What protobufjs encodes. @throws {Misfit} */
  readonly toWire: (value: unknown) => Record<string, unknown>;
  /** Whether its JSON form may be anything, an object, a list or a single value. */
  readonly form: 'any' | 'object' | 'list' | 'scalar';
}

const MAX_DEPTH = 64;
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;
const MAX_DURATION_S = 315_576_000_000;

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;
const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const ISO_DURATION =
  /^(-?)P(?=.)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})(?:\.(\d{1,9}))?S)?)?$/;

const timestamp: WellKnownType = {
  form: 'scalar',
  fromWire(message) {
    const seconds = Number(String(message.seconds));
    const nanos = message.nanos as number;
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos > 999_999_999) {
      throw new RangeError(`${seconds} s and ${nanos} ns are not a timestamp`);
    }
    const text = new Date(seconds * 1000).toISOString().slice(0, 19);
    return nanos === 0 ? `${text}Z` : `${text}.${toFraction(nanos)}Z`;
  },
  toWire(value) {
    const match = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
    const [, date = '', time = '', fraction = '', zone = ''] = match ?? [];
    const local = Date.parse(`${date}T${time}Z`);
    const seconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`) / 1000;
    // The engine's parser lets 30 February pass as 1 March.
    const exists = !Number.isNaN(local) && new Date(local).toISOString().startsWith(`${date}T${time}`);
    if (match === null || !exists || !(seconds >= FIRST_SECOND && seconds <= LAST_SECOND)) {
      throw new Misfit('a time such as "2026-11-22T08:30:00Z"');
    }
    return { seconds, nanos: Number(fraction.padEnd(9, '0')) };
  },
};

const duration: WellKnownType = {
  form: 'scalar',
  fromWire(message) {
    const seconds = Number(String(message.seconds));
    const nanos = message.nanos as number;
    if (Math.abs(seconds) > MAX_DURATION_S || Math.abs(nanos) > 999_999_999 || seconds * nanos < 0) {
      throw new RangeError(`${seconds} s and ${nanos} ns are not a duration`);
    }
    const fraction = Math.abs(nanos).toString().padStart(9, '0').replace(/0+$/, '');
    const sign = seconds < 0 || nanos < 0 ? '-' : '';
    return `${sign}${Math.abs(seconds)}${fraction === '' ? '' : `.${fraction}`}s`;
  },
  toWire(value) {
    const text = typeof value === 'string' ? value : '';
    const [, sign = '', whole, fraction = ''] = DURATION.exec(text) ?? isoSeconds(text);
    const seconds = Number(whole);
    if (!(seconds <= MAX_DURATION_S)) throw new Misfit('a duration such as "1.5s" or "PT1M30S"');
    const factor = sign === '-' ? -1 : 1;
    return { seconds: factor * seconds + 0, nanos: factor * Number(fraction.padEnd(9, '0')) + 0 };
  },
};

const fieldMask: WellKnownType = {
  form: 'scalar',
  fromWire: (message) =>
    (message.paths as string[]).map((path) => path.split('.').map(toJsonName).join('.')).join(','),
  toWire(value) {
    const paths = typeof value === 'string' ? value.split(',').filter((path) => path !== '') : value;
    if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string' && /^[\w.]+$/.test(path))) {
      throw new Misfit('field names joined by commas');
    }
    return { paths: paths.map(toProtoName) };
  },
};

const struct: WellKnownType = {
  form: 'object',
  fromWire: (message) => fromStruct(message),
  toWire: (value) => toStruct(value, 0),
};

const value: WellKnownType = {
  form: 'any',
  fromWire: (message) => fromValue(message),
  toWire: (given) => toValue(given, 0),
};

const listValue: WellKnownType = {
  form: 'list',
  fromWire: (message) => (message.values as Decoded[]).map(fromValue),
  toWire: (given) => toListValue(given, 0),
};

/** Those without type parameters. Wrappers and Any depend on other converters. */
export const WELL_KNOWN: ReadonlyMap<string, WellKnownType> = new Map([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.Value', value],
  ['google.protobuf.ListValue', listValue],
]);

/** Messages with one field, `value`, that stand for "value or null". */
export const WRAPPERS: ReadonlySet<string> = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (name) => `google.protobuf.${name}Value`,
  ),
);

export const ANY = 'google.protobuf.Any';

/** Sign, seconds and fraction of an ISO 8601 duration. Years and months have no length in seconds. */
function isoSeconds(text: string): readonly (string | undefined)[] {
  const match = ISO_DURATION.exec(text);
  if (match === null) return [];
  const [, sign, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0, fraction] = match;
  const hoursInAll = (Number(weeks) * 7 + Number(days)) * 24 + Number(hours);
  return ['', sign, String((hoursInAll * 60 + Number(minutes)) * 60 + Number(seconds)), fraction];
}

/** 3, 6 or 9 digits, as the JSON form of a timestamp has them. */
function toFraction(nanos: number): string {
  const digits = nanos.toString().padStart(9, '0');
  if (digits.endsWith('000000')) return digits.slice(0, 3);
  return digits.endsWith('000') ? digits.slice(0, 6) : digits;
}

function fromStruct(message: Decoded): Record<string, unknown> {
  const fields = message.fields as Record<string, Decoded>;
  // Keys are somebody's data: "__proto__" is one like any other.
  const result: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(fields)) result[name] = fromValue(fields[name]!);
  return result;
}

function fromValue(message: Decoded): unknown {
  if (Object.hasOwn(message, 'structValue')) return fromStruct(message.structValue as Decoded);
  if (Object.hasOwn(message, 'listValue')) {
    return ((message.listValue as Decoded).values as Decoded[]).map(fromValue);
  }
  if (Object.hasOwn(message, 'stringValue')) return message.stringValue;
  if (Object.hasOwn(message, 'numberValue')) return message.numberValue;
  if (Object.hasOwn(message, 'boolValue')) return message.boolValue;
  return null;
}

function toStruct(given: unknown, depth: number): Record<string, unknown> {
  if (!isObject(given)) throw new Misfit('an object');
  if (depth > MAX_DEPTH) throw new Misfit(`at most ${MAX_DEPTH} levels`);
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, item] of Object.entries(given)) {
    if (item !== undefined) fields[name] = Misfit.at(name, () => toValue(item, depth + 1));
  }
  return { fields };
}

function toListValue(given: unknown, depth: number): Record<string, unknown> {
  if (!Array.isArray(given)) throw new Misfit('a list');
  if (depth > MAX_DEPTH) throw new Misfit(`at most ${MAX_DEPTH} levels`);
  return { values: given.map((item, index) => Misfit.at(index, () => toValue(item, depth + 1))) };
}

function toValue(given: unknown, depth: number): Record<string, unknown> {
  switch (typeof given) {
    case 'string':
      return { stringValue: given };
    case 'boolean':
      return { boolValue: given };
    case 'number':
      return { numberValue: given };
    case 'object':
      if (given === null) return { nullValue: 0 };
      return Array.isArray(given)
        ? { listValue: toListValue(given, depth) }
        : { structValue: toStruct(given, depth) };
    default:
      throw new Misfit('a value that JSON has');
  }
}

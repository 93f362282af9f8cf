/** Values of protobuf's scalar types, checked and without loss. */
import { Misfit } from './misfit.ts';

type ToWire = (value: unknown) => unknown;

const INTEGER = /^-?\d{1,20}$/;
const NUMBER = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const CONVERTERS: Readonly<Record<string, ToWire>> = {
  double: toFloat,
  float: toFloat,
  int32: (value) => toInteger(value, -0x8000_0000, 0x7fff_ffff),
  sint32: (value) => toInteger(value, -0x8000_0000, 0x7fff_ffff),
  sfixed32: (value) => toInteger(value, -0x8000_0000, 0x7fff_ffff),
  uint32: (value) => toInteger(value, 0, 0xffff_ffff),
  fixed32: (value) => toInteger(value, 0, 0xffff_ffff),
  int64: (value) => toLong(value, -(2n ** 63n), 2n ** 63n - 1n),
  sint64: (value) => toLong(value, -(2n ** 63n), 2n ** 63n - 1n),
  sfixed64: (value) => toLong(value, -(2n ** 63n), 2n ** 63n - 1n),
  uint64: (value) => toLong(value, 0n, 2n ** 64n - 1n),
  fixed64: (value) => toLong(value, 0n, 2n ** 64n - 1n),
  bool: toBoolean,
  string: toText,
  bytes: toBytes,
};

/** The converter of a scalar type by protobuf's name of it. */
export function toScalar(type: string): ToWire {
  const converter = CONVERTERS[type];
  if (converter === undefined) throw new Error(`protobuf has no scalar type ${type}`);
  return converter;
}

function toFloat(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && (NUMBER.test(value) || /^(?:NaN|-?Infinity)$/.test(value)))
    return Number(value);
  throw new Misfit('a number');
}

/** Also from text: identifiers in GraphQL are text. */
function toInteger(value: unknown, least: number, most: number): number {
  const number =
    typeof value === 'string' && INTEGER.test(value)
      ? Number(value)
      : typeof value === 'bigint'
        ? Number(value)
        : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
    throw new Misfit(`a whole number from ${least} to ${most}`);
  }
  return number;
}

function toLong(value: unknown, least: bigint, most: bigint): unknown {
  if (Number.isSafeInteger(value) && (least < 0n || (value as number) >= 0)) return value;
  const integer =
    typeof value === 'bigint'
      ? value
      : typeof value === 'string' && INTEGER.test(value)
        ? BigInt(value)
        : undefined;
  if (integer === undefined || integer < least || integer > most) {
    throw new Misfit(`a whole number from ${least} to ${most}`);
  }
  // The form in which protobufjs takes 64 bits.
  return {
    low: Number(BigInt.asIntN(32, integer)),
    high: Number(BigInt.asIntN(32, integer >> 32n)),
    unsigned: least === 0n,
  };
}

function toBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Misfit('true or false');
  return value;
}

function toText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (typeof value !== 'string') throw new Misfit('text');
  if (!value.isWellFormed()) throw new Misfit('well-formed Unicode');
  return value;
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string' || !BASE64.test(value)) throw new Misfit('base64 text');
  return Buffer.from(value, 'base64');
}

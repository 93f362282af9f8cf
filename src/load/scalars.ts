/**
 * What Hem's own scalars accept and give. Values that a double cannot hold travel as text. Scalars that a connector declares itself
 * pass through as JSON. Formats: RFC 3339 for times, ISO 8601 for durations or the protobuf form ("1.5s"), base64 for bytes.
 */
import {
  GRAPHQL_MAX_INT,
  GRAPHQL_MIN_INT,
  GraphQLError,
  type GraphQLScalarType,
  type GraphQLSchema,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  type ValueNode,
} from 'graphql';
import { bareObject } from '../bare-object.ts';
import { toExactNumber } from '../mapping/exact-number.ts';

interface ScalarRule {
  readonly expected: string;
  /** Literals that are numbers are read as text, with all their digits. */
  readonly keepsDigits?: true;
  /**
   * The value as it is passed on, or undefined when it is not one.
   * @param isExact whether a number is the one that was meant: those of variables have been doubles before
   */
  readonly accept: (value: unknown, isExact: boolean) => unknown;
}

const text = (expected: string, pattern: RegExp, isOne?: (value: string) => boolean): ScalarRule => ({
  expected,
  accept: (value) =>
    typeof value === 'string' && value.length <= 1000 && pattern.test(value) && isOne?.(value) !== false
      ? value
      : undefined,
});

const DATE = String.raw`-?\d{4,}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
/** A leap second is one; so is the end of a day, in ISO 8601. */
const TIME = String.raw`(?:(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?|24:00:00(?:\.0+)?)`;
const ZONE = String.raw`(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)`;

/** Whether its month has such a day. */
function isInCalendar(value: string): boolean {
  const [, year, month, day] = /(\d+)-(\d\d)-(\d\d)/.exec(value) ?? [];
  // The same days come again after 400 years.
  return (
    Number(day) < 29 ||
    Number(day) <= new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()
  );
}

const digits = (
  expected: string,
  pattern: RegExp,
  ofNumber: (value: number, isExact: boolean) => string | undefined,
): ScalarRule => ({
  expected,
  keepsDigits: true,
  accept: (value, isExact) => {
    if (typeof value === 'number') return ofNumber(value, isExact);
    if (typeof value === 'bigint') return String(value);
    return typeof value === 'string' && value.length <= 1000 && pattern.test(value) ? value : undefined;
  },
});

/** A scalar may be called `constructor`. */
function byName<Value>(values: Readonly<Record<string, Value>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(values));
}

const RULES: ReadonlyMap<string, ScalarRule> = byName({
  BigInt: digits('an integer, as text or as a number up to 2^53', /^-?\d+$/, (value, isExact) => {
    if (Number.isSafeInteger(value)) return String(value);
    return isExact && Number.isInteger(value) ? String(BigInt(value)) : undefined;
  }),
  Decimal: digits(
    'a decimal number, as text or as a number',
    /^-?\d+(\.\d+)?([eE][+-]?\d{1,4})?$/,
    (value) => (Number.isFinite(value) ? String(value) : undefined),
  ),
  Bytes: {
    expected: 'bytes in base64',
    accept: (value) =>
      typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) ? value : undefined,
  },
  DateTime: text(
    'a date and time such as "2026-11-22T08:30:00Z"',
    new RegExp(`^${DATE}[Tt ]${TIME}${ZONE}?$`),
    isInCalendar,
  ),
  Date: text('a date such as "2026-11-22"', new RegExp(`^${DATE}${ZONE}?$`), isInCalendar),
  Time: text('a time such as "08:30:00"', new RegExp(`^${TIME}${ZONE}?$`)),
  Duration: text(
    'a duration such as "PT1M30S" or "90s"',
    /^(-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?|-?\d+(\.\d+)?s)$/,
  ),
});

/** What is certainly no value of GraphQL's own scalars, of what backends' texts and numbers can be (GraphQL, 3.5). */
const WRONG: ReadonlyMap<string, (value: unknown) => boolean> = byName({
  Int: (value) =>
    isText(value) ? value === '' || !isInt32(Number(value)) : isNumber(value) && !isInt32(value),
  Float: (value) => isText(value) && (value === '' || !Number.isFinite(Number(value))),
  Boolean: isText,
  ID: (value) => typeof value === 'boolean' || (isNumber(value) && !Number.isInteger(value)),
});

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isInt32(value: number): boolean {
  return Number.isInteger(value) && value >= GRAPHQL_MIN_INT && value <= GRAPHQL_MAX_INT;
}

/**
 * Reads a backend's values as a scalar gives them; what comes out is undefined for one that is none. No error is made for it where that
 * can be helped: it costs as much as a hundred values, and of a list of wrong ones few are told. {@link whyNoScalar} says what is wrong.
 */
export function scalarReader(type: GraphQLScalarType): (value: unknown) => unknown {
  const rule = RULES.get(type.name);
  if (rule !== undefined) return (value) => rule.accept(value, true);
  const isWrong = WRONG.get(type.name);
  return (value) => {
    if (isWrong?.(value)) return undefined;
    try {
      return type.coerceOutputValue(value);
    } catch {
      return undefined;
    }
  };
}

/** In words, of a value that the scalar's reader takes for none. */
export function whyNoScalar(type: GraphQLScalarType, value: unknown): string {
  try {
    type.coerceOutputValue(value);
    return `no ${type.name}`;
  } catch (cause) {
    return `no ${type.name}: ${(cause as Error).message}`;
  }
}

/** Of what is no scalar of GraphQL itself. @throws {GraphQLError} */
function acceptScalar(name: string, value: unknown, isExact: boolean): unknown {
  const rule = RULES.get(name);
  if (rule === undefined) {
    if (isTooDeep(value)) throw new GraphQLError(`${name} cannot represent this value: ${TOO_DEEP}.`);
    return value;
  }
  const accepted = rule.accept(value, isExact);
  if (accepted === undefined)
    throw new GraphQLError(`${name} cannot represent this value: expected ${rule.expected}.`);
  return accepted;
}

/** Gives the scalars of a schema their behaviour. */
export function equipScalars(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isScalarType(type) && !isSpecifiedScalarType(type)) equip(type);
  }
}

function equip(type: GraphQLScalarType): void {
  if (type.name === 'Upload') {
    equipUpload(type);
    return;
  }
  const give = (value: unknown) => acceptScalar(type.name, value, true);
  const take = (value: unknown) => acceptScalar(type.name, value, false);
  const keepsDigits = RULES.get(type.name)?.keepsDigits === true;
  const takeLiteral = (node: ValueNode) =>
    give(
      keepsDigits && (node.kind === Kind.INT || node.kind === Kind.FLOAT) ? node.value : fromLiteral(node),
    );
  Object.assign(type, {
    serialize: give,
    coerceOutputValue: give,
    parseValue: take,
    coerceInputValue: take,
    parseLiteral: takeLiteral,
    coerceInputLiteral: takeLiteral,
  });
}

/** Deeper values cannot be written as JSON, and would take the whole answer with them. */
const MAX_LEVELS = 500;
const TOO_DEEP = `it has more than ${MAX_LEVELS} levels`;

/** Whether a value is nested so deep that nothing can be done with it. */
export function isTooDeep(value: unknown, levels = MAX_LEVELS): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (const item of items)
    if (typeof item === 'object' && item !== null && isTooDeep(item, levels - 1)) return true;
  return false;
}

/** What a literal says. Numbers with more digits than a double holds are text, wherever they stand. */
function fromLiteral(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return toExactNumber(node.value);
    case Kind.LIST:
      return node.values.map(fromLiteral);
    case Kind.OBJECT: {
      const object = bareObject();
      for (const { name, value } of node.fields) object[name.value] = fromLiteral(value);
      return object;
    }
    case Kind.NULL:
      return null;
    // There is none left: those of callers were put in before.
    case Kind.VARIABLE:
      return undefined;
    default:
      return node.value;
  }
}

/** Files of multipart requests (GraphQL multipart request specification): only ever input, only ever from a multipart body. */
function equipUpload(type: GraphQLScalarType): void {
  const accept = (value: unknown) => {
    if (value instanceof Blob) return value;
    throw new GraphQLError('Upload expects a file of a multipart request.');
  };
  const refuse = () => {
    throw new GraphQLError('Upload exists in variables of multipart requests only.');
  };
  Object.assign(type, {
    serialize: refuse,
    coerceOutputValue: refuse,
    parseValue: accept,
    coerceInputValue: accept,
    parseLiteral: refuse,
    coerceInputLiteral: refuse,
  });
}

/** Random values of input types: as literals, with variables inside, and as the variables' own values. */
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';
import type { Random } from './random.ts';

/** Texts that mean something to backends, by scalar; what is named otherwise is picked from everything. */
export interface ValuePool {
  readonly ids: readonly string[];
  readonly texts: readonly string[];
}

export interface Declared {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

/** Names for variables that objects have without being given them. */
const INHERITED = ['constructor', '__proto__', 'then', 'hasOwnProperty', 'toString', 'valueOf'];
const MAX_LEVELS = 3;
const JSON_VALUES: readonly unknown[] = [
  null,
  1,
  'text',
  true,
  [1, null],
  { constructor: 1, then: null },
  {},
  1.5,
];
/** Of some types some of them are right. */
const ODD_VALUES: readonly unknown[] = [
  1.5,
  2.0,
  -0,
  3_000_000_000,
  '1',
  '',
  true,
  [],
  [1],
  {},
  { a: 1 },
  'LONG',
  'POETRY',
];
const SCALARS: Readonly<Record<string, readonly unknown[]>> = {
  Int: [0, 1, 2, 3, 4, -1],
  Float: [0.5, 2, -1.25, 52.1],
  Boolean: [true, false],
  BigInt: ['9007199254740993', 12, '-5'],
  Decimal: ['0.10', 3, '-2.5'],
  DateTime: ['2026-11-22T08:30:00Z'],
  Date: ['2026-11-22'],
  Time: ['08:30:00'],
  Duration: ['PT1M'],
};

export class ValueMaker {
  readonly declared: Declared[] = [];
  readonly variables: Record<string, unknown> = Object.create(null);
  readonly #random: Random;
  readonly #pool: ValuePool;
  readonly #note: (feature: string) => void;

  constructor(random: Random, pool: ValuePool, note: (feature: string) => void) {
    this.#random = random;
    this.#pool = pool;
    this.#note = note;
  }

  /** The text of an argument's value. */
  literal(type: GraphQLInputType, hasDefault: boolean, level = 0): string {
    if (this.#random.chance(0.3)) return this.#variable(type, hasDefault);
    if (!isNonNullType(type) && this.#random.chance(0.08)) {
      this.#note('null literal');
      return 'null';
    }
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      if (this.#random.chance(0.1)) {
        this.#note('list coercion');
        return this.#literalWithoutVariable(nullable.ofType, level + 1);
      }
      this.#note('list literal');
      return `[${this.#times(3, () => this.literal(nullable.ofType, false, level + 1)).join(', ')}]`;
    }
    if (isInputObjectType(nullable)) {
      this.#note('object literal');
      const fields = Object.values(nullable.getFields());
      if (nullable.isOneOf) {
        const field = this.#random.pick(fields);
        return `{ ${field.name}: ${this.#literalWithoutVariable(field.type, level + 1)} }`;
      }
      const given = fields.filter((field) => this.#isGiven(field, level));
      return `{ ${given.map((field) => `${field.name}: ${this.literal(field.type, field.default !== undefined, level + 1)}`).join(', ')} }`;
    }
    return this.#leaf(nullable);
  }

  /** A Boolean for a directive. */
  condition(): string {
    if (this.#random.chance(0.35)) return String(this.#random.chance(0.5));
    const known = this.declared.filter(({ type }) => type === 'Boolean!');
    if (known.length > 0 && this.#random.chance(0.6)) return `$${this.#random.pick(known).name}`;
    const withDefault = this.#random.chance(0.3);
    const name = this.#declare(
      withDefault ? 'Boolean' : 'Boolean!',
      withDefault ? String(this.#random.chance(0.5)) : undefined,
    );
    if (!withDefault || this.#random.chance(0.5)) this.variables[name] = this.#random.chance(0.5);
    return `$${name}`;
  }

  #isGiven(field: { readonly type: GraphQLInputType; readonly default?: unknown }, level: number): boolean {
    if (isNonNullType(field.type) && field.default === undefined) return true;
    return this.#random.chance(level >= MAX_LEVELS ? 0 : 0.45);
  }

  #literalWithoutVariable(type: GraphQLInputType, level: number): string {
    return toLiteral(this.value(getNullableType(type), level), getNullableType(type));
  }

  #leaf(type: GraphQLInputType): string {
    return toLiteral(this.value(type, 0), type);
  }

  #variable(type: GraphQLInputType, hasDefault: boolean): string {
    const text = String(type);
    const fitting = this.declared.filter((known) => known.type === text || known.type === `${text}!`);
    if (fitting.length > 0 && this.#random.chance(0.4)) {
      this.#note('variable used twice');
      return `$${this.#random.pick(fitting).name}`;
    }
    const nullable = getNullableType(type);
    let declared = text;
    let preset: string | undefined;
    if (isNonNullType(type) && (hasDefault || this.#random.chance(0.2))) {
      // A nullable variable may stand in a non-null place that has a default, or when it has one itself.
      declared = String(nullable);
      if (!hasDefault) preset = this.#literalWithoutVariable(nullable, 0);
    } else if (!isNonNullType(type) && this.#random.chance(0.3)) {
      declared = `${text}!`;
    } else if (this.#random.chance(0.25)) {
      preset = this.#literalWithoutVariable(nullable, 0);
    }
    const name = this.#declare(declared, preset);
    this.#note(preset === undefined ? 'variable' : 'variable with default');
    const required = declared.endsWith('!') && preset === undefined;
    const draw = this.#random.next();
    if (this.#random.chance(0.015) && isJudged(type)) {
      this.#note('variable of an odd value');
      this.variables[name] = this.#random.pick(ODD_VALUES);
    } else if (!required && draw < 0.2) this.#note('variable absent');
    else if (!declared.endsWith('!') && draw < (isNonNullType(type) ? 0.28 : 0.3)) {
      // In a non-null place that is an error of the field.
      this.#note(isNonNullType(type) ? 'variable null where none may be' : 'variable null');
      this.variables[name] = null;
    } else this.variables[name] = this.value(nullable, 0);
    return `$${name}`;
  }

  #declare(type: string, preset: string | undefined): string {
    const count = this.declared.length;
    const wanted = this.#random.chance(0.3) ? this.#random.pick(INHERITED) : `v${count}`;
    const name = this.declared.some((known) => known.name === wanted) ? `${wanted}${count}` : wanted;
    this.declared.push({
      name,
      type,
      text: `$${name}: ${type}${preset === undefined ? '' : ` = ${preset}`}`,
    });
    return name;
  }

  /** A value as JSON. */
  value(type: GraphQLInputType, level: number): unknown {
    if (isNonNullType(type)) return this.value(type.ofType, level);
    if (isListType(type))
      return this.#times(3, () =>
        !isNonNullType(type.ofType) && this.#random.chance(0.1) ? null : this.value(type.ofType, level + 1),
      );
    if (isEnumType(type)) return this.#random.pick(type.getValues()).name;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      if (type.isOneOf) {
        const field = this.#random.pick(fields);
        return { [field.name]: this.value(getNullableType(field.type), level + 1) };
      }
      return Object.fromEntries(
        fields
          .filter((field) => this.#isGiven(field, level))
          .map((field) => [
            field.name,
            !isNonNullType(field.type) && this.#random.chance(0.1) ? null : this.value(field.type, level + 1),
          ]),
      );
    }
    if (type.name === 'ID') return this.#random.pick(this.#pool.ids);
    if (type.name === 'String') return this.#random.pick(this.#pool.texts);
    return this.#random.pick(SCALARS[type.name] ?? JSON_VALUES);
  }

  #times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#random.whole(0, most) }, make);
  }
}

/** What custom scalars accept is nothing that a monolith knows. */
function isJudged(type: GraphQLInputType): boolean {
  const named = getNamedType(type);
  return !isScalarType(named) || isSpecifiedScalarType(named);
}

/** JSON as a literal of a type. */
function toLiteral(value: unknown, type: GraphQLInputType): string {
  const nullable = getNullableType(type);
  if (value === null) return 'null';
  if (isListType(nullable) && Array.isArray(value))
    return `[${value.map((item) => toLiteral(item, nullable.ofType)).join(', ')}]`;
  if (isEnumType(nullable)) return String(value);
  if (isInputObjectType(nullable)) {
    const fields = nullable.getFields();
    return `{ ${Object.entries(value as object)
      .map(([name, item]) => `${name}: ${toLiteral(item, fields[name]!.type)}`)
      .join(', ')} }`;
  }
  return plainLiteral(value);
}

function plainLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainLiteral).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, item]) => `${name}: ${plainLiteral(item)}`)
    .join(', ')} }`;
}

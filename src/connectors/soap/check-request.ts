/** Checks what a field sends against the XSD: literals and GraphQL input types, each mistake where it stands. */
import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  print,
  type ValueNode,
} from 'graphql';
import type { Literal } from '../../mapping/literal.ts';
import { didYouMean } from '../../problems.ts';
import { referenceAt, typeOfReference } from '../arguments.ts';
import type { FieldToBind } from '../kind.ts';
import { wireNamesOf } from '../wire-names.ts';
import { typesFor } from './encode.ts';
import type { Scalar } from './scalars.ts';
import type { SchemaSet } from './schema-set.ts';
import {
  ATTRIBUTES_ARGUMENT,
  argumentKeys,
  type ElementDeclaration,
  type Field,
  isNamed,
  type RecordShape,
  type Shape,
  TEXT_ARGUMENT,
  TYPE_ARGUMENT,
  toGraphQLName,
} from './shape.ts';

/** A place where a value stands, and what may stand there. */
export interface Slot {
  readonly shape: Shape;
  readonly list: boolean;
  readonly nullable: boolean;
  /** For messages: "Invoice.lines". */
  readonly label: string;
}

export class RequestChecker {
  readonly #field: FieldToBind;
  readonly #schemas: SchemaSet;
  /** The directive's argument that problems are reported in; none without a literal. */
  readonly #argument: readonly string[];
  readonly #seen = new Map<GraphQLInputType, Set<Shape>>();

  constructor(field: FieldToBind, schemas: SchemaSet, argument: readonly string[]) {
    this.#field = field;
    this.#schemas = schemas;
    this.#argument = argument;
  }

  literal(literal: Literal, slot: Slot): void {
    this.#value(literal.node, literal, slot);
  }

  #value(node: ValueNode, literal: Literal, slot: Slot): void {
    const offset = node.loc?.start ?? 0;
    if (node.kind === 'Variable') {
      const reference = referenceAt(literal, node);
      const type = reference === undefined ? undefined : typeOfReference(this.#field, reference);
      if (type !== undefined) this.type(type, slot, offset);
      return;
    }
    if (slot.shape.kind === 'any') return;
    if (node.kind === 'NullValue') {
      if (!slot.nullable) this.#misfit(slot, 'null', 'a value', offset);
      return;
    }
    if (node.kind === 'ListValue') {
      if (slot.list) for (const item of node.values) this.#value(item, literal, { ...slot, list: false });
      else if (!holdsList(slot.shape))
        this.#misfit(slot, 'a list', 'one value: the element occurs once', offset);
      return;
    }
    if (node.kind === 'ObjectValue') {
      if (slot.shape.kind === 'simple') this.#misfit(slot, 'an object', slot.shape.scalar.expected, offset);
      else this.#object(node, literal, slot, slot.shape);
      return;
    }
    const { shape } = slot;
    const scalar = shape.kind === 'simple' ? shape.scalar : shape.text;
    if (scalar === undefined) {
      const expected = shape.kind === 'record' ? `an object with ${keysOf(shape)}` : 'an object';
      this.#misfit(slot, print(node), expected, offset);
      return;
    }
    const constant = node.kind === 'IntValue' || node.kind === 'FloatValue' ? Number(node.value) : node.value;
    if (scalar.write(constant) === undefined && scalar.write(String(node.value)) === undefined) {
      this.#misfit(slot, print(node), scalar.expected, offset, scalar);
    }
  }

  #object(
    node: ValueNode & { kind: 'ObjectValue' },
    literal: Literal,
    slot: Slot,
    declared: RecordShape,
  ): void {
    const typeNode = node.fields.find(({ name }) => name.value === TYPE_ARGUMENT)?.value;
    const shape = typeNode === undefined ? declared : this.#typed(typeNode, declared);
    // Of which type it is, is known when called only.
    if (shape === undefined || shape.kind !== 'record') return;
    const given = new Set<Field>();
    for (const { name, value, loc } of node.fields) {
      const offset = loc?.start ?? 0;
      const label = `${slot.label}.${name.value}`;
      const field = shape.fields.find(({ key }) => isNamed(key, name.value));
      if (field !== undefined) {
        given.add(field);
        this.#value(value, literal, slotOf(field, label));
      } else if (name.value === TEXT_ARGUMENT && (shape.text !== undefined || shape.mixed)) {
        if (shape.text !== undefined) this.#value(value, literal, textSlot(shape.text, label));
      } else if (name.value === ATTRIBUTES_ARGUMENT && shape.attributes.length > 0) {
        if (value.kind === 'ObjectValue') this.#attributes(value, literal, shape, label);
      } else if (name.value !== TYPE_ARGUMENT) {
        this.#unknown(name.value, argumentKeys(shape), slot.label, offset);
      }
    }
    this.missing(shape, slot.label, (field) => given.has(field), node.loc?.start ?? 0);
  }

  #attributes(
    node: ValueNode & { kind: 'ObjectValue' },
    literal: Literal,
    shape: RecordShape,
    label: string,
  ): void {
    for (const { name, value, loc } of node.fields) {
      const attribute = shape.attributes.find(({ local }) => isNamed(local, name.value));
      const names = shape.attributes.map(({ local }) => toGraphQLName(local));
      if (attribute === undefined) this.#unknown(name.value, names, label, loc?.start ?? 0);
      else this.#value(value, literal, textSlot(attribute.scalar, `${label}.${name.value}`));
    }
  }

  /** The shape that `_type` names; undefined when that is not written in the literal. */
  #typed(node: ValueNode, declared: RecordShape): Shape | undefined {
    if (node.kind !== 'StringValue' && node.kind !== 'EnumValue') return undefined;
    const name = typesFor(this.#schemas, node.value, declared)[0];
    const shape = name === undefined ? undefined : this.#schemas.type(name);
    if (shape !== undefined && !(shape.kind === 'record' && shape.abstract)) return shape;
    this.#report(
      {
        rule: 'soap-unknown-type',
        message: `There is no type of this name that may stand for "${declared.name?.local ?? 'an anonymous type'}".`,
        found: node.value,
        hint: didYouMean(
          node.value,
          this.#schemas.typeNames().filter((other) => other !== node.value),
        ),
      },
      node.loc?.start ?? 0,
    );
    return undefined;
  }

  /** Elements that the XSD requires and nothing fills. */
  missing(shape: RecordShape, label: string, isGiven: (field: Field) => boolean, offset: number): void {
    const names = shape.fields
      .filter((field) => field.required && !field.nillable && !isGiven(field))
      .map(({ key }) => toGraphQLName(key));
    if (names.length === 0) return;
    this.#report(
      {
        rule: 'soap-missing-element',
        message: `The WSDL requires more than the request to "${label}" has.`,
        found: `nothing for ${names.join(', ')}`,
      },
      offset,
    );
  }

  /** Checks the type of an argument, and of what is inside of it. */
  type(type: GraphQLInputType, slot: Slot, offset: number): void {
    if (slot.shape.kind === 'any') return;
    const inner = isNonNullType(type) ? type.ofType : type;
    if (isListType(inner)) {
      const item = isNonNullType(inner.ofType) ? inner.ofType.ofType : inner.ofType;
      if (isListType(item) || (!slot.list && !holdsList(slot.shape))) {
        this.#misfit(slot, String(type), 'one value: the element occurs once', offset);
        return;
      }
      this.type(item, { ...slot, list: false }, offset);
      return;
    }
    const named = getNamedType(inner);
    if (isInputObjectType(named)) {
      if (slot.shape.kind === 'simple') this.#misfit(slot, named.name, slot.shape.scalar.expected, offset);
      else this.#inputObject(named, slot, slot.shape, offset);
      return;
    }
    const scalar = slot.shape.kind === 'simple' ? slot.shape.scalar : slot.shape.text;
    if (scalar === undefined) {
      // A scalar of the team's own may well be an object.
      if (slot.shape.kind === 'record' && (isEnumType(named) || isSpecifiedScalarType(named))) {
        this.#misfit(slot, named.name, `an input type with ${keysOf(slot.shape)}`, offset);
      }
      return;
    }
    if (!isEnumType(named) || scalar.enumeration === undefined) return;
    const allowed = new Set(scalar.enumeration);
    for (const { name, wire } of wireNamesOf(named)) {
      if (!allowed.has(wire)) {
        this.#misfit(slot, `${named.name}.${name}`, scalar.expected, offset, scalar, wire);
      }
    }
  }

  #inputObject(
    type: ReturnType<typeof getNamedType> & { getFields(): Record<string, { type: GraphQLInputType }> },
    slot: Slot,
    shape: RecordShape,
    offset: number,
  ): void {
    const seen = this.#seen.get(type as GraphQLInputType) ?? new Set();
    if (seen.has(shape)) return;
    this.#seen.set(type as GraphQLInputType, seen.add(shape));
    const fields = Object.entries(type.getFields());
    // What else it may hold, is known when called only.
    if (fields.some(([name]) => name === TYPE_ARGUMENT)) return;
    const given = new Set<Field>();
    for (const [name, input] of fields) {
      const label = `${slot.label}.${name}`;
      const field = shape.fields.find(({ key }) => isNamed(key, name));
      if (field !== undefined) {
        given.add(field);
        this.type(input.type, slotOf(field, label), offset);
      } else if (name === TEXT_ARGUMENT && shape.text !== undefined) {
        this.type(input.type, textSlot(shape.text, label), offset);
      } else if (name === ATTRIBUTES_ARGUMENT && shape.attributes.length > 0) {
        const inner = getNamedType(input.type);
        const names = shape.attributes.map(({ local }) => toGraphQLName(local));
        for (const key of isInputObjectType(inner) ? Object.keys(inner.getFields()) : []) {
          if (!names.includes(key)) this.#unknown(key, names, label, offset);
        }
      } else if (!(name === TEXT_ARGUMENT && shape.mixed)) {
        this.#unknown(name, argumentKeys(shape), slot.label, offset);
      }
    }
    this.missing(shape, slot.label, (field) => given.has(field), offset);
  }

  #unknown(name: string, known: readonly string[], label: string, offset: number): void {
    this.#report(
      {
        rule: 'soap-unknown-element',
        message: `The WSDL knows nothing of this name in "${label}".`,
        found: name,
        expected: known.length === 0 ? 'nothing' : listed(known),
        hint: didYouMean(name, known),
      },
      offset,
    );
  }

  #misfit(slot: Slot, found: string, expected: string, offset: number, scalar?: Scalar, name = found): void {
    const given = name.replace(/^"|"$/g, '');
    this.#report(
      {
        rule: 'soap-type',
        message: `"${slot.label}" cannot be this.`,
        found,
        expected,
        hint: scalar?.enumeration === undefined ? undefined : didYouMean(given, scalar.enumeration),
      },
      offset,
    );
  }

  #report(problem: Parameters<FieldToBind['report']>[0], offset: number): void {
    this.#field.report(problem, this.#argument, this.#argument.length === 0 ? 0 : offset);
  }
}

export function slotOfElement({ shape, local, nillable }: ElementDeclaration): Slot {
  return { shape: shape(), list: false, nullable: nillable, label: local };
}

export function slotOf(field: Field, label: string): Slot {
  const { list, nillable, required } = field;
  return { shape: field.shape(), list, nullable: nillable || !required, label };
}

function holdsList(shape: Shape): boolean {
  return shape.kind === 'simple' && shape.scalar.isList === true;
}

function textSlot(scalar: Scalar, label: string): Slot {
  return { shape: { kind: 'simple', scalar }, list: false, nullable: true, label };
}

function keysOf(shape: RecordShape): string {
  const keys = argumentKeys(shape);
  return keys.length === 0 ? 'nothing in it' : listed(keys);
}

function listed(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, … (${names.length})` : names.join(', ');
}

/** The body that a binding sends: from a literal, or from arguments by name. */
import type { ValueOf, Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import { argumentsIn, inLiteral, keysByName, reportUnused, toObject } from '../arguments.ts';
import type { FieldToBind } from '../kind.ts';
import { RequestChecker, type Slot, slotOf, slotOfElement } from './check-request.ts';
import type { EncoderCompiler, WriteElement } from './encode.ts';
import type { SoapSpec } from './load.ts';
import { ATTRIBUTES_ARGUMENT, argumentKeys, isNamed, TEXT_ARGUMENT } from './shape.ts';
import { type Message, type Operation, shapeOfParts } from './wsdl.ts';

/** Undefined after a reported problem. */
export function bindBody(
  field: FieldToBind,
  spec: SoapSpec,
  { operation, input, compiler }: { operation: Operation; input: Message; compiler: EncoderCompiler },
): ((values: Values) => string) | undefined {
  const slot = slotOfMessage(operation, input);
  const write = toWriter(input, compiler);
  if (field.directive.args === undefined || field.directive.args === null) {
    const value = fillByName(field, spec, slot);
    return value === undefined ? undefined : (values) => write(value(values), '');
  }
  const literal = field.literal(['args']);
  if (literal === undefined) return undefined;
  new RequestChecker(field, spec.schemas, ['args']).literal(literal, slot);
  const used = argumentsIn(literal.references).union(usedByHeader(field));
  reportUnused(field, used, { rule: 'soap-unused-argument', write: inLiteral, place: '"args"' });
  return (values) => write(literal.evaluate(values), '');
}

/** What a literal or by-name arguments fill: the one element of the request, or its parts by name. */
function slotOfMessage(operation: Operation, input: Message): Slot {
  const only = input.parts[0];
  if (input.wrapper === undefined && input.parts.length === 1 && only !== undefined) {
    return slotOfElement(only.element);
  }
  return { shape: shapeOfParts(input), list: false, nullable: false, label: operation.name };
}

function toWriter(input: Message, compiler: EncoderCompiler): WriteElement {
  const { wrapper, parts } = input;
  if (wrapper === undefined && parts.length === 1) return compiler.element(parts[0]!.element);
  const shape = shapeOfParts(input);
  if (wrapper !== undefined) {
    return compiler.element({ ...wrapper, nillable: false, fallback: undefined, shape: () => shape });
  }
  const writers = parts.map(({ element }) => ({ local: element.local, write: compiler.element(element) }));
  return (value) => {
    const given = (value ?? {}) as Record<string, unknown>;
    return writers.map(({ local, write }) => write(given[local], local)).join('');
  };
}

/** Fills the request from arguments and the parent's key fields of the same names. Undefined after a reported problem. */
function fillByName(field: FieldToBind, spec: SoapSpec, slot: Slot): ValueOf | undefined {
  const { shape } = slot;
  const checker = new RequestChecker(field, spec.schemas, []);
  const used = new Set<string>();
  const take = (name: string, into: Slot): ValueOf | undefined => {
    const argument = field.args.find((one) => isNamed(name, one.name));
    if (argument !== undefined) {
      used.add(argument.name);
      checker.type(argument.type, into, 0);
      return field.argument(argument.name);
    }
    return keysByName(field, (own) => isNamed(name, own))[0]?.value;
  };
  if (shape.kind !== 'record' || shape.text !== undefined) {
    const value = take(slot.label, slot);
    reportUnknown(field, used.union(usedByHeader(field)), [slot.label]);
    if (value !== undefined) return value;
    field.report({
      rule: 'soap-missing-element',
      message: `The request "${slot.label}" is one value, and no argument has its name.`,
      hint: `name the argument "${slot.label}", or add args: "$argument"`,
    });
    return undefined;
  }
  const elements = shape.fields.flatMap((one) => {
    const value = take(one.key, slotOf(one, `${slot.label}.${one.key}`));
    return value === undefined ? [] : [{ field: one, name: one.key, value }];
  });
  const attributes = shape.attributes.flatMap(({ local, scalar }) => {
    const into: Slot = {
      shape: { kind: 'simple', scalar },
      list: false,
      nullable: true,
      label: `${slot.label}.${local}`,
    };
    const value = shape.fields.some(({ key }) => key === local) ? undefined : take(local, into);
    return value === undefined ? [] : [{ name: local, value }];
  });
  const given = new Set(elements.map((one) => one.field));
  checker.missing(shape, slot.label, (one) => given.has(one), 0);
  reportUnknown(field, used.union(usedByHeader(field)), argumentKeys(shape));
  const fill = toObject(elements);
  if (attributes.length === 0) return fill;
  const fillAttributes = toObject(attributes);
  return (values) => Object.assign(fill(values), { [ATTRIBUTES_ARGUMENT]: fillAttributes(values) });
}

function usedByHeader(field: FieldToBind): ReadonlySet<string> {
  if (typeof field.directive.header !== 'string') return new Set();
  const literal = field.literal(['header']);
  return literal === undefined ? new Set() : argumentsIn(literal.references);
}

/** Names that lead nowhere, each with what the request has. */
function reportUnknown(field: FieldToBind, used: ReadonlySet<string>, names: readonly string[]): void {
  for (const { name } of field.args) {
    if (used.has(name)) continue;
    field.report({
      rule: 'soap-unused-argument',
      message: `The request does not use the argument "${name}" of ${field.coordinate}.`,
      found: name,
      expected: names.filter((key) => key !== TEXT_ARGUMENT).join(', ') || 'no argument',
      hint: didYouMean(name, names) ?? 'say with "args" where it goes',
    });
  }
}

/** Checks one `@soap` directive against the WSDL and compiles what it sends and how the answer is read. */
import { GraphQLBoolean, getNamedType } from 'graphql';
import { HemError } from '../../errors.ts';
import type { Literal } from '../../mapping/literal.ts';
import { rootOf, type ValueOf, type Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { checkAnswer } from './answer.ts';
import { RequestChecker, type Slot, slotOf } from './check.ts';
import { EncoderCompiler, type WriteElement } from './encode.ts';
import { type EnvelopeFrame, messageHeaders, toFrame } from './envelope.ts';
import type { SoapSpec } from './load.ts';
import type { SoapOptions } from './options.ts';
import {
  ATTRIBUTES_ARGUMENT,
  argumentKeys,
  type ElementDeclaration,
  type Field,
  isNamed,
  type RecordShape,
  type Shape,
  TEXT_ARGUMENT,
} from './shape.ts';
import type { Message, Operation, Port } from './wsdl.ts';
import { XmlError, type XmlReader } from './xml.ts';

export interface SoapBinding {
  readonly operation: string;
  /** Path and query of the endpoint. */
  readonly path: string;
  /** HTTP headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly frame: EnvelopeFrame;
  /** Content of the SOAP header, without security. @throws {HemError} BAD_ARGUMENT */
  readonly header: (values: Values) => string;
  /** Content of the SOAP body. @throws {HemError} BAD_ARGUMENT */
  readonly body: (values: Values) => string;
  /** Reads the body whose first element was just opened. @throws {XmlError} */
  readonly read: (reader: XmlReader) => unknown;
  /** The value when the body is empty; undefined when it must not be. */
  readonly empty: unknown;
  readonly spec: SoapSpec;
  /** A lookup's "not found" is "there is none", not a failure. */
  readonly missingIsNull: boolean;
}

export function bind(
  field: FieldToBind,
  spec: SoapSpec,
  source: ConnectorSource<SoapOptions>,
): SoapBinding | undefined {
  const found = findOperation(field, spec, source.options.version);
  if (found === undefined) return undefined;
  const { port, operation } = found;
  if (operation.encoded) {
    field.report(
      {
        rule: 'soap-encoded',
        message: `"${operation.name}" uses SOAP encoding, which is not supported.`,
        found: 'use="encoded"',
        expected: 'use="literal"',
      },
      ['operation'],
    );
    return undefined;
  }
  const input = operation.input();
  const output = operation.output();
  if (input === undefined || (output === undefined && !operation.oneWay)) return undefined;
  const compiler = new EncoderCompiler(spec.schemas);
  const header = bindHeader(field, spec, source, { port, input, compiler });
  const body = bindBody(field, spec, { operation, input, compiler });
  if (header === undefined || body === undefined) return undefined;
  const version = source.options.version ?? port.version;
  const answer = toAnswer(field, spec, output);
  if (output !== undefined) checkAnswer(field, spec.schemas, answer.shape);
  const endpoint = new URL(source.settings.endpoint);
  return {
    operation: operation.name,
    path: endpoint.pathname + endpoint.search,
    headers: messageHeaders(version, operation.action),
    frame: toFrame(version, compiler.declarations()),
    header,
    body,
    read: answer.read,
    empty: answer.empty,
    spec,
    missingIsNull: field.isLookup,
  };
}

/** The operation, at the first port in document order that has it: ports of one interface differ in protocol only. */
function findOperation(
  field: FieldToBind,
  spec: SoapSpec,
  version: SoapOptions['version'],
): { port: Port; operation: Operation } | undefined {
  const { operation: name, service, port: portName } = field.directive as Record<string, string | undefined>;
  const services = narrow(field, spec, 'service', service, spec.ports, (port) => port.service);
  if (services === undefined) return undefined;
  const ports = narrow(field, spec, 'port', portName, services, (port) => port.name);
  if (ports === undefined) return undefined;
  const having = ports.filter((port) => port.operations.has(name!));
  const ofVersion = having.filter((port) => port.version === version);
  const candidates = ofVersion.length > 0 ? ofVersion : having;
  const first = candidates[0];
  if (first === undefined) {
    const names = [...new Set(ports.flatMap(({ operations }) => [...operations.keys()]))];
    field.report(
      {
        rule: 'soap-unknown-operation',
        message: `${spec.file} has no operation of this name.`,
        found: name,
        expected: names.length > 12 ? `one of ${names.length} operations` : names.join(', '),
        hint: didYouMean(name!, names),
      },
      ['operation'],
    );
    return undefined;
  }
  const kinds = new Set(candidates.map((port) => `${port.service} ${port.portType}`));
  if (kinds.size > 1) {
    field.report(
      {
        rule: 'soap-ambiguous-operation',
        message: `${spec.file} has "${name}" in several places.`,
        found: candidates.map((port) => `service ${port.service}, port ${port.name}`).join('; '),
        hint: `add ${new Set(candidates.map((port) => port.service)).size > 1 ? 'service' : 'port'}: "…"`,
      },
      ['operation'],
    );
    return undefined;
  }
  return { port: first, operation: first.operations.get(name!)! };
}

function narrow(
  field: FieldToBind,
  spec: SoapSpec,
  what: 'service' | 'port',
  name: string | undefined,
  ports: readonly Port[],
  nameOf: (port: Port) => string,
): readonly Port[] | undefined {
  if (name === undefined || name === null) return ports;
  const found = ports.filter((port) => nameOf(port) === name);
  if (found.length > 0) return found;
  const names = [...new Set(ports.map(nameOf))];
  field.report(
    {
      rule: `soap-unknown-${what}`,
      message: `${spec.file} has no ${what} of this name that speaks SOAP.`,
      found: name,
      expected: names.join(', '),
      hint: didYouMean(name, names),
    },
    [what],
  );
  return undefined;
}

/** Header elements: those of connector.yml, and the directive's in their place. Undefined after a reported problem. */
function bindHeader(
  field: FieldToBind,
  spec: SoapSpec,
  source: ConnectorSource<SoapOptions>,
  { port, input, compiler }: { port: Port; input: Message; compiler: EncoderCompiler },
): ((values: Values) => string) | undefined {
  const literal = field.directive.header === undefined ? undefined : field.literal(['header']);
  if (literal === undefined && typeof field.directive.header === 'string') return undefined;
  const own = literal === undefined ? [] : headerElements(field, spec, input, literal);
  if (own === undefined) return undefined;
  const replaced = new Set(own.map(({ declaration }) => declaration.local));
  let fixed = '';
  for (const { declaration, value } of spec.headers) {
    if (replaced.has(declaration.local) || !belongsTo(declaration, input, port)) continue;
    try {
      fixed += compiler.element(declaration)(value, declaration.local);
    } catch (error) {
      if (!(error instanceof HemError)) throw error;
      source.report(['header', declaration.local], {
        rule: 'soap-header',
        message: 'The header does not fit the WSDL.',
        found: error.publicText,
      });
    }
  }
  if (literal === undefined) return () => fixed;
  const writers = own.map(({ key, declaration }) => ({
    key,
    local: declaration.local,
    write: compiler.element(declaration),
  }));
  return (values) => {
    const given = literal.evaluate(values) as Record<string, unknown>;
    let text = fixed;
    for (const { key, local, write } of writers) {
      if (given[key] !== undefined && given[key] !== null) text += write(given[key], local);
    }
    return text;
  };
}

/** A header that the WSDL declares for other operations is not sent with this one; one that it never declares, with all. */
function belongsTo(declaration: ElementDeclaration, input: Message, port: Port): boolean {
  if (input.headers.includes(declaration)) return true;
  return ![...port.operations.values()].some((operation) => operation.input()?.headers.includes(declaration));
}

function headerElements(
  field: FieldToBind,
  spec: SoapSpec,
  input: Message,
  literal: Literal,
): ReadonlyArray<{ key: string; declaration: ElementDeclaration }> | undefined {
  const { node } = literal;
  if (node.kind !== 'ObjectValue') {
    field.report(
      {
        rule: 'soap-header',
        message: '"header" is an object: header elements by name.',
        expected: '{ Name: { … } }',
      },
      ['header'],
    );
    return undefined;
  }
  const checker = new RequestChecker(field, spec.schemas, ['header']);
  const elements = node.fields.map(({ name, value, loc }) => {
    const declared = input.headers.find(({ local }) => isNamed(local, name.value));
    const named = spec.schemas.elementsNamed(name.value);
    const declaration = declared ?? (named.length === 1 ? named[0] : undefined);
    if (declaration === undefined) {
      const names = input.headers.map(({ local }) => local);
      field.report(
        {
          rule: 'soap-unknown-header',
          message: `${spec.file} has no header element of this name.`,
          found: name.value,
          expected: names.join(', ') || 'an element of the WSDL: the operation declares no header',
          hint: didYouMean(name.value, names.length > 0 ? names : spec.schemas.elementNames()),
        },
        ['header'],
        loc?.start ?? 0,
      );
      return undefined;
    }
    checker.literal({ ...literal, node: value }, slotOfElement(declaration));
    return { key: name.value, declaration };
  });
  const known = elements.filter((element) => element !== undefined);
  return known.length === elements.length ? known : undefined;
}

/** Undefined after a reported problem. */
function bindBody(
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
  reportUnused(field, slot.shape, new Set(literal.references.map(rootOf)), usedByHeader(field));
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

function slotOfElement({ shape, local, nillable }: ElementDeclaration): Slot {
  return { shape: shape(), list: false, nullable: nillable, label: local };
}

/** Several parts as if they were the children of one element. */
function shapeOfParts({ parts }: Message): RecordShape {
  const fields = parts.map(
    ({ element }): Field => ({ ...element, key: element.local, list: false, required: true }),
  );
  return {
    kind: 'record',
    name: undefined,
    abstract: false,
    fields,
    attributes: [],
    text: undefined,
    mixed: false,
    open: false,
  };
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
    const given = value as Record<string, unknown>;
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
    const key = field.parent.find((one) => one.isKey && isNamed(name, one.name));
    return field.use === 'field' && key !== undefined ? field.parentField(key.name) : undefined;
  };
  if (shape.kind !== 'record' || shape.text !== undefined) {
    const value = take(slot.label, slot);
    reportUnused(field, shape, used, usedByHeader(field), [slot.label]);
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
    return value === undefined ? [] : [{ field: one, key: one.key, value }];
  });
  const attributes = shape.attributes.flatMap(({ local, scalar }) => {
    const into: Slot = {
      shape: { kind: 'simple', scalar },
      list: false,
      nullable: true,
      label: `${slot.label}.${local}`,
    };
    const value = shape.fields.some(({ key }) => key === local) ? undefined : take(local, into);
    return value === undefined ? [] : [{ key: local, value }];
  });
  const given = new Set(elements.map((one) => one.field));
  checker.missing(shape, slot.label, (one) => given.has(one), 0);
  reportUnused(field, shape, used, usedByHeader(field));
  const fill = toObject(elements);
  if (attributes.length === 0) return fill;
  const fillAttributes = toObject(attributes);
  return (values) => Object.assign(fill(values), { [ATTRIBUTES_ARGUMENT]: fillAttributes(values) });
}

function toObject(
  entries: ReadonlyArray<{ readonly key: string; readonly value: ValueOf }>,
): (values: Values) => Record<string, unknown> {
  return (values) => {
    const object: Record<string, unknown> = Object.create(null);
    for (const { key, value } of entries) {
      const given = value(values);
      if (given !== undefined) object[key] = given;
    }
    return object;
  };
}

function usedByHeader(field: FieldToBind): ReadonlySet<string> {
  if (typeof field.directive.header !== 'string') return new Set();
  return new Set(field.literal(['header'])?.references.map(rootOf));
}

function reportUnused(
  field: FieldToBind,
  shape: Shape,
  used: ReadonlySet<string>,
  alsoUsed: ReadonlySet<string>,
  names: readonly string[] = shape.kind === 'record' ? argumentKeys(shape) : [],
): void {
  for (const { name } of field.args) {
    if (used.has(name) || alsoUsed.has(name)) continue;
    const isLiteral = typeof field.directive.args === 'string';
    field.report({
      rule: 'soap-unused-argument',
      message: `The request does not use the argument "${name}" of ${field.coordinate}.`,
      found: name,
      expected: isLiteral
        ? undefined
        : names.filter((key) => key !== TEXT_ARGUMENT).join(', ') || 'no argument',
      hint: isLiteral
        ? `use $${name} in "args", or remove the argument`
        : (didYouMean(name, names) ?? 'say with "args" where it goes'),
    });
  }
}

interface Answer {
  readonly shape: Shape;
  readonly read: (reader: XmlReader) => unknown;
  readonly empty: unknown;
}

function toAnswer(field: FieldToBind, spec: SoapSpec, output: Message | undefined): Answer {
  // An operation that answers nothing is true when it went well, for fields that ask for that.
  const nothing = getNamedType(field.type) === GraphQLBoolean ? true : null;
  const decoders = spec.decoders;
  if (output === undefined) {
    const read = (reader: XmlReader) => {
      reader.skip();
      return nothing;
    };
    return { shape: { kind: 'any' }, read, empty: nothing };
  }
  const only = output.parts[0];
  if (output.wrapper === undefined && output.parts.length === 1 && only !== undefined) {
    const { element } = only;
    const shape = element.shape();
    const readElement = decoders.reader(shape);
    const read = (reader: XmlReader) => {
      if (reader.local !== element.local) {
        throw new XmlError(reader.offset, `<${reader.local}> instead of <${element.local}>`);
      }
      const value = readElement(reader);
      return isNothing(shape) ? nothing : value;
    };
    return { shape, read, empty: undefined };
  }
  const shape = shapeOfParts(output);
  if (output.wrapper !== undefined) {
    const readWrapper = decoders.reader(shape);
    const read = (reader: XmlReader) => {
      const value = readWrapper(reader);
      return isNothing(shape) ? nothing : value;
    };
    return { shape, read, empty: undefined };
  }
  if (isNothing(shape)) return { shape, read: () => nothing, empty: nothing };
  return { shape, read: (reader) => readParts(reader, output, spec), empty: undefined };
}

/** Whether an element can hold nothing at all. */
function isNothing(shape: Shape): boolean {
  return (
    shape.kind === 'record' &&
    shape.fields.length + shape.attributes.length === 0 &&
    !shape.open &&
    !shape.mixed &&
    shape.text === undefined
  );
}

/** Several elements side by side in the body. */
function readParts(reader: XmlReader, { parts }: Message, { decoders }: SoapSpec): unknown {
  const record: Record<string, unknown> = Object.create(null);
  for (;;) {
    const part = parts.find(({ element }) => element.local === reader.local);
    if (part === undefined) reader.skip();
    else record[part.element.local] = decoders.reader(part.element.shape())(reader);
    let event = reader.next();
    while (event === 'text') event = reader.next();
    if (event !== 'open') return record;
  }
}

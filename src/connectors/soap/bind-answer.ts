/** How the body of an answer becomes the field's value. */
import { GraphQLBoolean, getNamedType } from 'graphql';
import type { FieldToBind } from '../kind.ts';
import type { SoapSpec } from './load.ts';
import type { Shape } from './shape.ts';
import { type Message, shapeOfParts } from './wsdl.ts';
import { XmlError, type XmlReader } from './xml.ts';

export interface Answer {
  readonly shape: Shape;
  readonly read: (reader: XmlReader) => unknown;
  readonly empty: unknown;
}

export function bindAnswer(field: FieldToBind, spec: SoapSpec, output: Message | undefined): Answer {
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

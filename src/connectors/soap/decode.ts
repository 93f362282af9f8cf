/**
 * Compiles shapes into functions that read an element as a value. Lists, nulls and numbers are as the XSD says, never
 * guessed from one document; what the XSD does not know arrives as text and records.
 */
import type { Scalar } from './scalars.ts';
import type { SchemaSet } from './schema-set.ts';
import {
  ANY,
  type AttributeField,
  type Field,
  type RecordShape,
  type Shape,
  TEXT_KEY,
  TYPE_KEY,
} from './shape.ts';
import { type XmlAttribute, type XmlReader, XSI } from './xml.ts';

/** Reads the element that was just opened, up to and with its end. @throws {XmlError} */
export type ReadElement = (reader: XmlReader) => unknown;

type Record_ = Record<string, unknown>;

interface FieldReader {
  readonly key: string;
  readonly namespace: string;
  readonly list: boolean;
  readonly read: (reader: XmlReader) => unknown;
}

export class DecoderCompiler {
  readonly #schemas: SchemaSet;
  readonly #readers = new Map<Shape, ReadElement>();

  constructor(schemas: SchemaSet) {
    this.#schemas = schemas;
  }

  /** The function for a shape. What it needs for its fields is compiled when the first such element arrives. */
  reader(shape: Shape): ReadElement {
    let read = this.#readers.get(shape);
    if (read === undefined) {
      read = this.#compile(shape);
      this.#readers.set(shape, read);
    }
    return read;
  }

  /** Reads an element of which nothing is known but its name. */
  readUnknown(reader: XmlReader): unknown {
    const declaration = this.#schemas.element(reader);
    return declaration === undefined ? this.#any(reader) : this.reader(declaration.shape())(reader);
  }

  #compile(shape: Shape): ReadElement {
    switch (shape.kind) {
      case 'simple':
        return toSimple(shape.scalar, undefined);
      case 'record':
        return this.#record(shape);
      case 'any':
        return (reader) => this.#any(reader);
    }
  }

  #record(shape: RecordShape): ReadElement {
    const lists = shape.fields.filter(({ list }) => list).map(({ key }) => key);
    const byName = new Map<string, FieldReader[]>();
    for (const field of shape.fields) {
      const readers = byName.get(field.local);
      const own = this.#field(field);
      if (readers === undefined) byName.set(field.local, [own]);
      else readers.push(own);
    }
    const defaults = shape.attributes.filter(({ fallback }) => fallback !== undefined);
    const attributes = new Map(shape.attributes.map((attribute) => [attribute.local, attribute]));
    const { text: scalar, mixed } = shape;

    const read: ReadElement = (reader) => {
      reader.countRecord();
      const record: Record_ = {};
      for (const key of lists) setOwn(record, key, []);
      if (reader.attributes.length > 0) {
        if (isNil(reader.attributes)) {
          reader.skip();
          return null;
        }
        readAttributes(record, reader, attributes);
      }
      for (const { key, scalar: own, fallback } of defaults) {
        if (!Object.hasOwn(record, key)) setOwn(record, key, own.read(fallback!));
      }
      if (scalar !== undefined) {
        record[TEXT_KEY] = scalar.read(reader.readText());
        return record;
      }
      let text = '';
      for (;;) {
        const event = reader.next();
        if (event === 'open') this.#child(record, reader, byName.get(reader.local));
        else if (event === 'text') text += mixed ? reader.text : '';
        else break;
      }
      if (mixed) record[TEXT_KEY] = text;
      return record;
    };

    return (reader) => {
      const derived = reader.attributes.length === 0 ? undefined : this.#derived(reader, shape);
      return derived === undefined ? read(reader) : derived(reader);
    };
  }

  /** The reader of the type that xsi:type names; undefined when there is none, or it is the declared one. */
  #derived(reader: XmlReader, declared: Shape): ReadElement | undefined {
    const type = attributeOf(reader.attributes, XSI, 'type');
    const name = type === undefined ? undefined : reader.resolve(type.trim());
    const shape = name === undefined ? undefined : this.#schemas.type(name);
    return shape === undefined || shape === declared ? undefined : this.reader(shape);
  }

  #child(record: Record_, reader: XmlReader, fields: readonly FieldReader[] | undefined): void {
    if (fields === undefined) {
      const key = reader.local;
      append(record, key, this.readUnknown(reader));
      return;
    }
    // Many backends qualify where they should not: the local name decides unless several fields have it.
    const field =
      fields.length === 1
        ? fields[0]!
        : (fields.find(({ namespace }) => namespace === reader.namespace) ?? fields[0]!);
    const value = field.read(reader);
    if (field.list) (record[field.key] as unknown[]).push(value);
    else setOwn(record, field.key, value);
  }

  #field({ key, namespace, list, shape, fallback }: Field): FieldReader {
    let compiled: ReadElement | undefined;
    const read: ReadElement = (reader) => {
      compiled ??= this.#fieldReader(shape(), fallback);
      return compiled(reader);
    };
    return { key, namespace, list, read };
  }

  #fieldReader(shape: Shape, fallback: string | undefined): ReadElement {
    return shape.kind === 'simple' && fallback !== undefined
      ? toSimple(shape.scalar, fallback)
      : this.reader(shape);
  }

  #any(reader: XmlReader): unknown {
    reader.countRecord();
    const { attributes } = reader;
    const record: Record_ = {};
    let isRecord = false;
    if (attributes.length > 0) {
      if (isNil(attributes)) {
        reader.skip();
        return null;
      }
      const typed = this.#derived(reader, ANY);
      if (typed !== undefined) return typed(reader);
      isRecord = readAttributes(record, reader, NO_ATTRIBUTES);
    }
    let text = '';
    for (;;) {
      const event = reader.next();
      if (event === 'open') {
        isRecord = true;
        const key = reader.local;
        append(record, key, this.readUnknown(reader));
      } else if (event === 'text') {
        text += reader.text;
      } else {
        break;
      }
    }
    if (!isRecord) return text;
    if (text.trim() !== '') record[TEXT_KEY] = text;
    return record;
  }
}

const NO_ATTRIBUTES: ReadonlyMap<string, AttributeField> = new Map();

/** An empty element means the default, if there is one. */
function toSimple({ read }: Scalar, fallback: string | undefined): ReadElement {
  return (reader) => {
    if (reader.attributes.length > 0 && isNil(reader.attributes)) {
      reader.skip();
      return null;
    }
    const text = reader.readText();
    return read(text === '' && fallback !== undefined ? fallback : text);
  };
}

/** Whether any attribute was data. */
function readAttributes(
  record: Record_,
  reader: XmlReader,
  known: ReadonlyMap<string, AttributeField>,
): boolean {
  let found = false;
  for (const { local, namespace, value } of reader.attributes) {
    if (namespace === XSI) {
      if (local === 'type') record[TYPE_KEY] = value.slice(value.indexOf(':') + 1).trim();
      continue;
    }
    const attribute = known.get(local);
    setOwn(record, `@${local}`, attribute === undefined ? value : attribute.scalar.read(value));
    found = true;
  }
  return found;
}

function isNil(attributes: readonly XmlAttribute[]): boolean {
  const nil = attributeOf(attributes, XSI, 'nil');
  return nil === 'true' || nil === '1';
}

function attributeOf(
  attributes: readonly XmlAttribute[],
  namespace: string,
  local: string,
): string | undefined {
  for (const attribute of attributes) {
    if (attribute.local === local && attribute.namespace === namespace) return attribute.value;
  }
  return undefined;
}

/** An element that the XSD does not name becomes a list when it comes again. */
function append(record: Record_, key: string, value: unknown): void {
  if (!Object.hasOwn(record, key)) {
    setOwn(record, key, value);
    return;
  }
  const before = record[key];
  const list = REPEATED.get(record)?.get(key);
  if (list !== undefined) {
    list.push(value);
    return;
  }
  const started = [before, value];
  setOwn(record, key, started);
  const lists = REPEATED.get(record) ?? new Map<string, unknown[]>();
  lists.set(key, started);
  REPEATED.set(record, lists);
}

/** Which keys of a record became lists by repetition: a list may also be one element's own value. */
const REPEATED = new WeakMap<Record_, Map<string, unknown[]>>();

/** Any name is data: assigning to "__proto__" would not be. */
function setOwn(record: Record_, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    record[key] = value;
  }
}

/**
 * Compiles shapes into functions that write a value as XML. Elements come in the order of the XSD, each in its namespace;
 * what is not of the XSD is refused, never passed on.
 */
import { HemError } from '../../errors.ts';
import { toKeyReader } from '../../mapping/path.ts';
import { XSD } from './documents.ts';
import type { Scalar } from './scalars.ts';
import type { SchemaSet } from './schema-set.ts';
import {
  ATTRIBUTES_ARGUMENT,
  type AttributeField,
  type ElementDeclaration,
  type Field,
  type RecordShape,
  type Shape,
  TEXT_ARGUMENT,
  TYPE_ARGUMENT,
  toGraphQLName,
} from './shape.ts';
import { XML_NAMESPACE, type XmlName } from './xml.ts';
import { escapeAttribute, escapeText, isXmlText } from './xml-text.ts';

/**
 * Writes one element: `tag` with its prefix, `extra` attributes that begin with a space.
 * @throws {HemError} BAD_ARGUMENT, with `path` in its text
 */
type Write = (tag: string, value: unknown, path: string, extra: string) => string;

/** Writes an element or, for an absent value, nothing. */
export type WriteElement = (value: unknown, path: string) => string;

/** Values of callers may nest without end; the path to a value grows with each level. */
const MAX_PATH = 2000;
const NCNAME = /^[A-Za-z_][\w.-]*$/;

export class EncoderCompiler {
  readonly #schemas: SchemaSet;
  readonly #writers = new Map<Shape, { write: Write }>();
  readonly #typeWriters = new Map<Shape, { readonly write: Write; readonly extra: string }>();
  readonly #queue: Array<() => void> = [];
  /** Namespaces of everything compiled so far. */
  readonly #namespaces = new Set<string>();

  constructor(schemas: SchemaSet) {
    this.#schemas = schemas;
  }

  /** The declarations that a message needs around what was compiled: ` xmlns:n0="…"`. */
  declarations(): string {
    return [...this.#namespaces]
      .map((namespace) => ` xmlns:${this.#schemas.prefixOf(namespace)}="${escapeAttribute(namespace)}"`)
      .join('');
  }

  tagOf({ namespace, local }: XmlName): string {
    if (namespace === '') return local;
    if (namespace !== XML_NAMESPACE) this.#namespaces.add(namespace);
    return `${this.#schemas.prefixOf(namespace)}:${local}`;
  }

  /** An element on its own: the request, a part, a header. */
  element(declaration: ElementDeclaration): WriteElement {
    const tag = this.tagOf(declaration);
    const shape = declaration.shape();
    const cell = this.#writer(shape);
    this.#drain();
    const { nillable } = declaration;
    return (value, path) => {
      if (value !== undefined && value !== null) return cell.write(tag, value, path, '');
      if (value === null && nillable) return `<${tag} xsi:nil="true"/>`;
      return shape.kind === 'any'
        ? `<${tag}/>`
        : cell.write(tag, shape.kind === 'record' ? {} : value, path, '');
    };
  }

  /** Compiles what is waiting. Types refer to each other in circles, so none is compiled inside of another one. */
  #drain(): void {
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) next();
  }

  #writer(shape: Shape): { readonly write: Write } {
    const known = this.#writers.get(shape);
    if (known !== undefined) return known;
    const cell: { write: Write } = { write: () => '' };
    this.#writers.set(shape, cell);
    this.#queue.push(() => {
      cell.write = this.#compile(shape);
    });
    return cell;
  }

  #compile(shape: Shape): Write {
    switch (shape.kind) {
      case 'simple': {
        const { scalar } = shape;
        return (tag, value, path, extra) =>
          `<${tag}${extra}>${escapeText(scalarText(scalar, value, path))}</${tag}>`;
      }
      case 'record':
        return this.#record(shape);
      case 'any':
        return (tag, value, path, extra) => this.#any(tag, value, path, extra);
    }
  }

  #record(shape: RecordShape): Write {
    const fields = shape.fields.map((field) => this.#field(field));
    const attributes = shape.attributes.map((attribute) => this.#attribute(attribute));
    const known = new Set([...shape.fields.flatMap(({ key }) => [key, toGraphQLName(key)])]);
    const knownAttributes = new Set(shape.attributes.flatMap(({ local }) => [local, toGraphQLName(local)]));
    const { text, mixed, abstract: isAbstract } = shape;
    return (tag, value, path, extra) => {
      if (path.length > MAX_PATH) throw refused(path.slice(0, 60), 'nests too deep');
      const object = text !== undefined && !isObject(value) ? { [TEXT_ARGUMENT]: value } : value;
      if (!isObject(object)) throw refused(path, 'needs an object');
      if (extra === '' && Object.hasOwn(object, TYPE_ARGUMENT)) return this.#typed(tag, object, path, shape);
      if (isAbstract && extra === '') throw refused(path, `needs "${TYPE_ARGUMENT}"`);
      let start = extra;
      if (attributes.length > 0) {
        const given = object[ATTRIBUTES_ARGUMENT] ?? {};
        if (!isObject(given)) throw refused(`${path}.${ATTRIBUTES_ARGUMENT}`, 'needs an object');
        for (const write of attributes) start += write(given, path);
        refuseUnknown(given, knownAttributes, `${path}.${ATTRIBUTES_ARGUMENT}`);
      }
      let content = '';
      if (text !== undefined) content = escapeText(scalarText(text, object[TEXT_ARGUMENT], path));
      else if (mixed && typeof object[TEXT_ARGUMENT] === 'string')
        content = escapeText(xmlText(object[TEXT_ARGUMENT], path));
      for (const write of fields) content += write(object, path);
      refuseUnknown(object, known, path);
      return content === '' ? `<${tag}${start}/>` : `<${tag}${start}>${content}</${tag}>`;
    };
  }

  #field(field: Field): (object: Record<string, unknown>, path: string) => string {
    const tag = this.tagOf(field);
    const cell = this.#writer(field.shape());
    const read = keyReader(field.key);
    const { nillable, required, list } = field;
    const label = toGraphQLName(field.key);
    const one = (value: unknown, path: string): string => {
      if (value !== null) return cell.write(tag, value, path, '');
      if (nillable) return `<${tag} xsi:nil="true"/>`;
      throw refused(path, 'is null');
    };
    return (object, path) => {
      const value = read(object);
      const here = path === '' ? label : `${path}.${label}`;
      if (value === undefined || value === null) {
        if (!required && (value === undefined || !nillable)) return '';
        if (nillable) return `<${tag} xsi:nil="true"/>`;
        throw refused(here, 'has no value');
      }
      if (!list) return one(value, here);
      if (!Array.isArray(value)) return one(value, here);
      if (required && value.length === 0) throw refused(here, 'is an empty list');
      let text = '';
      for (const item of value) text += one(item, here);
      return text;
    };
  }

  #attribute(attribute: AttributeField): (given: Record<string, unknown>, path: string) => string {
    const name = this.tagOf(attribute);
    const read = keyReader(attribute.local);
    const { scalar, required, fixed, fallback } = attribute;
    return (given, path) => {
      const value = read(given) ?? (required && fixed ? fallback : undefined);
      const here = `${path}.${ATTRIBUTES_ARGUMENT}.${toGraphQLName(attribute.local)}`;
      if (value === undefined || value === null) {
        if (required) throw refused(here, 'has no value');
        return '';
      }
      return ` ${name}="${escapeAttribute(scalarText(scalar, value, here))}"`;
    };
  }

  /** An object that says of which type it is. */
  #typed(tag: string, object: Record<string, unknown>, path: string, base: RecordShape | undefined): string {
    const { [TYPE_ARGUMENT]: type, ...rest } = object;
    const name = this.#typeNamed(String(type), base);
    const shape = name === undefined ? undefined : this.#schemas.type(name);
    if (name === undefined || shape === undefined || (shape.kind === 'record' && shape.abstract)) {
      throw refused(`${path}.${TYPE_ARGUMENT}`, 'is not the name of one type that can stand here');
    }
    const { write, extra } = this.#typeWriter(name, shape);
    return write(tag, shape.kind === 'simple' ? rest[TEXT_ARGUMENT] : rest, path, extra);
  }

  /** Which type comes is known when called only, so it declares its namespaces itself. */
  #typeWriter(name: XmlName, shape: Shape): { readonly write: Write; readonly extra: string } {
    const known = this.#typeWriters.get(shape);
    if (known !== undefined) return known;
    const compiler = new EncoderCompiler(this.#schemas);
    const cell = compiler.#writer(shape);
    compiler.#drain();
    const prefixed = compiler.tagOf(name);
    const writer = { write: cell.write, extra: ` xsi:type="${prefixed}"${compiler.declarations()}` };
    this.#typeWriters.set(shape, writer);
    return writer;
  }

  #typeNamed(text: string, base: RecordShape | undefined): XmlName | undefined {
    if (base !== undefined) return typesFor(this.#schemas, text, base)[0];
    if (text.startsWith('xsd:')) return { local: text.slice(4), namespace: XSD };
    const names = this.#schemas.typesNamed(text);
    return names.length === 1 ? names[0] : undefined;
  }

  /** Where the XSD allows anything: scalars say their type, objects become elements without a namespace. */
  #any(tag: string, value: unknown, path: string, extra: string): string {
    if (path.length > MAX_PATH) throw refused(path.slice(0, 60), 'nests too deep');
    if (isObject(value)) {
      if (Object.hasOwn(value, TYPE_ARGUMENT)) return this.#typed(tag, value, path, undefined);
      let content = '';
      for (const [key, item] of Object.entries(value)) {
        const here = path === '' ? key : `${path}.${key}`;
        if (!NCNAME.test(key)) throw refused(here, 'is not the name of an element');
        for (const one of Array.isArray(item) ? item : [item]) {
          if (one !== undefined)
            content += one === null ? `<${key} xsi:nil="true"/>` : this.#any(key, one, here, '');
        }
      }
      return `<${tag}${extra}>${content}</${tag}>`;
    }
    if (Array.isArray(value)) throw refused(path, 'is a list');
    const type = builtInOf(value);
    if (type === undefined) throw refused(path, 'is nothing that XML can carry');
    return `<${tag}${extra} xsi:type="xsd:${type}" xmlns:xsd="${XSD}">${escapeText(xmlText(String(value), path))}</${tag}>`;
  }
}

/** The types of a local name that may stand where another one is declared. */
export function typesFor(schemas: SchemaSet, local: string, declared: RecordShape): readonly XmlName[] {
  return schemas.typesNamed(local).filter((name) => schemas.isDerived(name, declared.name));
}

function builtInOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return 'integer';
    case 'number':
      if (!Number.isFinite(value)) return undefined;
      return Number.isSafeInteger(value) ? (Math.abs(value) < 2 ** 31 ? 'int' : 'long') : 'double';
    default:
      return undefined;
  }
}

/** Reads a key as the XSD spells it or as GraphQL can. */
function keyReader(key: string): (object: Record<string, unknown>) => unknown {
  const own = toKeyReader(key);
  const name = toGraphQLName(key);
  if (name === key) return own;
  const other = toKeyReader(name);
  return (object) => {
    const value = own(object);
    return value === undefined ? other(object) : value;
  };
}

function scalarText(scalar: Scalar, value: unknown, path: string): string {
  const text = value === undefined || value === null ? undefined : scalar.write(value);
  if (text === undefined) {
    throw refused(path, value === undefined || value === null ? 'has no value' : `is not ${scalar.expected}`);
  }
  return xmlText(text, path);
}

function xmlText(text: string, path: string): string {
  if (!isXmlText(text)) throw refused(path, 'has a character that XML cannot carry');
  return text;
}

function refuseUnknown(object: Record<string, unknown>, known: ReadonlySet<string>, path: string): void {
  for (const key of Object.keys(object)) {
    if (known.has(key) || key === TEXT_ARGUMENT || key === ATTRIBUTES_ARGUMENT || key === TYPE_ARGUMENT)
      continue;
    throw refused(path === '' ? key : `${path}.${key}`, 'is not known to the backend');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

function refused(path: string, why: string): HemError {
  return new HemError('BAD_ARGUMENT', {
    publicText: `"${path === '' ? 'the request' : path}" ${why}, and the backend cannot be asked with it.`,
  });
}

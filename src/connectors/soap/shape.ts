/** What an element may hold, as the XSD says it: what encoders, decoders and the checks of bindings are made from. */
import type { Scalar } from './scalars.ts';
import type { XmlName } from './xml.ts';

export type Shape = SimpleShape | RecordShape | AnyShape;

/** Text only. */
export interface SimpleShape {
  readonly kind: 'simple';
  readonly scalar: Scalar;
}

/** Elements, attributes, or text with attributes. */
export interface RecordShape {
  readonly kind: 'record';
  /** The type's name; undefined for anonymous ones. */
  readonly name: XmlName | undefined;
  /** Only a derived type, named by xsi:type, may stand here. */
  readonly abstract: boolean;
  /** In the order that the XSD wants. */
  readonly fields: readonly Field[];
  readonly attributes: readonly AttributeField[];
  /** Of types with simple content: what their text is. */
  readonly text: Scalar | undefined;
  /** Text may stand between the elements. */
  readonly mixed: boolean;
  /** Elements that the XSD does not name may follow. */
  readonly open: boolean;
}

/** xsd:anyType. */
export interface AnyShape {
  readonly kind: 'any';
}

export interface ElementDeclaration extends XmlName {
  readonly nillable: boolean;
  /** What an empty element means. */
  readonly fallback: string | undefined;
  /** Resolved when first asked for, since types may contain themselves. */
  readonly shape: () => Shape;
}

export interface Field extends ElementDeclaration {
  /** How records and literals call it: the local name, or "{namespace}name" if another one has it. */
  readonly key: string;
  /** May occur more than once. */
  readonly list: boolean;
  readonly required: boolean;
}

export interface AttributeField extends XmlName {
  readonly key: string;
  readonly scalar: Scalar;
  readonly required: boolean;
  readonly fallback: string | undefined;
  readonly fixed: boolean;
}

export const ANY: AnyShape = { kind: 'any' };

/** Keys of a value that are no elements. GraphQL names cannot begin with "@" or "#", so values to send have names of their own. */
export const TEXT_KEY = '#text';
export const TYPE_KEY = '@xsi:type';
export const TEXT_ARGUMENT = '_text';
export const ATTRIBUTES_ARGUMENT = '_attributes';
export const TYPE_ARGUMENT = '_type';

/** How a literal or a GraphQL argument writes an XML name: what GraphQL names cannot have becomes "_". */
export function toGraphQLName(local: string): string {
  const name = local.replace(/\W/g, '_');
  return /^\d/.test(name) ? `_${name}` : name;
}

/** Whether a name of a literal or an argument means this element or attribute. */
export function isNamed(key: string, name: string): boolean {
  return key === name || toGraphQLName(key) === name;
}

/** The keys that a value to send may have. */
export function argumentKeys(shape: RecordShape): string[] {
  return [
    ...shape.fields.map(({ key }) => toGraphQLName(key)),
    ...(shape.attributes.length > 0 ? [ATTRIBUTES_ARGUMENT] : []),
    ...(shape.text !== undefined || shape.mixed ? [TEXT_ARGUMENT] : []),
  ];
}

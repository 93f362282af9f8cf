/** Values for every operation of a WSDL, made from its XSD, in the three forms that a test compares. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectorSource } from '../../../../src/connectors/kind.ts';
import { loadDocuments } from '../../../../src/connectors/soap/documents.ts';
import type { SoapOptions } from '../../../../src/connectors/soap/options.ts';
import type { Scalar } from '../../../../src/connectors/soap/scalars.ts';
import { SchemaSet } from '../../../../src/connectors/soap/schema-set.ts';
import type { RecordShape, Shape } from '../../../../src/connectors/soap/shape.ts';
import {
  type Message,
  type Port,
  readPorts,
  type SoapVersion,
} from '../../../../src/connectors/soap/wsdl.ts';

type Data = Record<string, unknown>;

export interface Sample {
  /** As a GraphQL argument writes it. */
  readonly argument: unknown;
  /** As the `soap` package takes and gives it. */
  readonly object: unknown;
  /** As the connector reads it. */
  readonly record: unknown;
}

/** The SOAP ports of one version. */
export async function portsOf(folder: string, file: string, version: SoapVersion): Promise<readonly Port[]> {
  const fail = (...found: unknown[]): never => {
    throw new Error(JSON.stringify(found.at(-1)));
  };
  const source = {
    options: { wsdl: file, imports: {} },
    locate: (path: string) => join(folder, path),
    read: async (path: string) => readFileSync(join(folder, path)),
    report: fail,
    reportIn: fail,
  } as unknown as ConnectorSource<SoapOptions>;
  const documents = (await loadDocuments(source))!;
  const schemas = new SchemaSet(documents.schemas, fail);
  return readPorts(documents.definitions, schemas, fail).filter((port) => port.version === version);
}

/** A value of the one element of a message. */
export function sampleOf(message: Message): Sample {
  return sample(message.parts[0]!.element.shape(), message.parts[0]!.name, 0)!;
}

const ENOUGH_LEVELS = 6;

/** Everything that the shape allows, twice where it may repeat; undefined where only a derived type may stand. */
export function sample(shape: Shape, name: string, depth: number): Sample | undefined {
  switch (shape.kind) {
    case 'any':
      return {
        argument: 'any',
        object: { attributes: { 'xsi:type': 'xsd:string' }, $value: 'any' },
        record: 'any',
      };
    case 'simple':
      return leaf(shape.scalar, name);
    case 'record':
      return shape.abstract ? undefined : recordSample(shape, name, depth);
  }
}

function recordSample(shape: RecordShape, name: string, depth: number): Sample {
  const argument: Data = {};
  const object: Data = {};
  const record: Data = shape.mixed ? { '#text': '' } : {};
  const attributes = shape.attributes.filter(({ namespace }) => namespace === '');
  if (attributes.length > 0) {
    const values = attributes.map(({ local, scalar }) => [local, leaf(scalar, local)] as const);
    argument._attributes = Object.fromEntries(values.map(([local, one]) => [toName(local), one.argument]));
    object.attributes = Object.fromEntries(values.map(([local, one]) => [local, one.object]));
    for (const [local, one] of values) record[`@${local}`] = one.record;
  }
  if (shape.text !== undefined) {
    const text = leaf(shape.text, name);
    return {
      argument: { ...argument, _text: text.argument },
      object: { ...object, $value: text.object },
      record: { ...record, '#text': text.record },
    };
  }
  for (const field of shape.fields) {
    if (field.list) record[field.key] = [];
    if (depth >= ENOUGH_LEVELS && !field.required) continue;
    const one = sample(field.shape(), field.local, depth + 1);
    if (one === undefined) continue;
    const many = (value: unknown) => (field.list ? [value, value] : value);
    argument[toName(field.key)] = many(one.argument);
    object[field.local] = many(one.object);
    record[field.key] = many(one.record);
  }
  return { argument, object, record };
}

function leaf(scalar: Scalar, name: string): Sample {
  const value =
    scalar.enumeration?.[0] ??
    [
      '2026-11-22T10:00:00.000Z',
      '2026-11-22',
      '10:00:00',
      'P1D',
      7,
      true,
      1.5,
      'AAEC',
      `<${name}> & more`,
    ].find((candidate) => scalar.write(candidate) !== undefined && scalar.write('!') === undefined) ??
    `<${name}> & more`;
  return { argument: value, object: value, record: scalar.read(String(value)) };
}

function toName(key: string): string {
  return key.replace(/\W/g, '_');
}

/** What the `soap` package has understood, as texts, without what is empty: it drops that on some ways. */
export function toTexts(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return value.toISOString().replace(/T00:00:00\.000Z$/, '');
  if (Array.isArray(value)) return value.map(toTexts);
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value)
    .map(([key, item]) => [key, toTexts(item)] as const)
    .filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

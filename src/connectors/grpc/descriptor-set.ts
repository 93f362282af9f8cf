/**
 * Loads a FileDescriptorSet (`protoc --include_imports --descriptor_set_out=…`). protobufjs can read one itself, but gives
 * maps as lists of entries and drops JSON names and `optional`; so it is translated into the JSON that protobufjs loads.
 */
import protobuf, { type IEnum, type INamespace, type IService, type IType, type Root } from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import type { ConnectorSource } from '../kind.ts';
import { bundledFile, bundledName } from './bundled.ts';
import { toJsonName } from './names.ts';
import type { GrpcOptions } from './options.ts';
import { unresolvedNames } from './unresolved.ts';

// The parts of google/protobuf/descriptor.proto that are read, as protobufjs decodes them.
interface FileProto {
  readonly name?: string;
  readonly package?: string;
  readonly dependency?: readonly string[];
  readonly messageType?: readonly MessageProto[];
  readonly enumType?: readonly EnumProto[];
  readonly service?: readonly ServiceProto[];
  readonly extension?: readonly FieldProto[];
  readonly syntax?: string;
  readonly edition?: string;
  readonly options?: WithFeatures;
}
interface MessageProto {
  readonly name?: string;
  readonly field?: readonly FieldProto[];
  readonly nestedType?: readonly MessageProto[];
  readonly enumType?: readonly EnumProto[];
  readonly extension?: readonly FieldProto[];
  readonly oneofDecl?: readonly { readonly name?: string }[];
  readonly options?: WithFeatures & { readonly mapEntry?: boolean };
}
interface FieldProto {
  readonly name?: string;
  readonly number?: number;
  readonly label?: string;
  readonly type?: string;
  readonly typeName?: string;
  readonly extendee?: string;
  readonly defaultValue?: string;
  readonly oneofIndex?: number;
  readonly jsonName?: string;
  readonly proto3Optional?: boolean;
  readonly options?: WithFeatures & { readonly packed?: boolean };
}
interface EnumProto {
  readonly name?: string;
  readonly value?: readonly { readonly name?: string; readonly number?: number }[];
  readonly options?: WithFeatures;
}
interface ServiceProto {
  readonly name?: string;
  readonly method?: readonly {
    readonly name?: string;
    readonly inputType?: string;
    readonly outputType?: string;
    readonly clientStreaming?: boolean;
    readonly serverStreaming?: boolean;
  }[];
}
interface WithFeatures {
  readonly features?: Readonly<Record<string, unknown>>;
}

export async function readDescriptorSet(
  source: ConnectorSource<GrpcOptions>,
  path: string,
): Promise<Root | undefined> {
  const bytes = await source.read(path, ['descriptors']);
  if (bytes === undefined) return undefined;
  const files = decode(bytes);
  if (files === undefined || files.length === 0) {
    source.report(['descriptors'], {
      rule: 'spec-syntax',
      message: `"${path}" is not a descriptor set.`,
      expected: 'a serialised google.protobuf.FileDescriptorSet',
      hint: 'protoc --include_imports --descriptor_set_out=…',
    });
    return undefined;
  }
  try {
    return toRoot(source, path, files);
  } catch (error) {
    source.report(['descriptors'], {
      rule: 'spec-syntax',
      message: `"${path}" cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    });
    return undefined;
  }
}

function decode(bytes: Buffer): readonly FileProto[] | undefined {
  try {
    const type = descriptor.FileDescriptorSet;
    return (type.toObject(type.decode(bytes), { enums: String }) as { file?: FileProto[] }).file;
  } catch {
    return undefined;
  }
}

function toRoot(
  source: ConnectorSource<GrpcOptions>,
  path: string,
  files: readonly FileProto[],
): Root | undefined {
  const root = new protobuf.Root();
  const names = new Set(files.map(({ name }) => name));
  const missing = new Set<string>();
  for (const file of files) {
    const bundled = bundledName(file.name ?? '');
    if (bundled !== undefined) root.addJSON(bundledFile(bundled).definitions);
    else addFile(root, file);
    for (const name of file.dependency ?? []) {
      const known = bundledName(name);
      if (names.has(name)) continue;
      names.add(name);
      if (known === undefined) missing.add(name);
      else root.addJSON(bundledFile(known).definitions);
    }
  }
  const unresolved = unresolvedNames(root);
  for (const { name, owner, hint } of unresolved) {
    source.report(['descriptors'], {
      rule: 'grpc-unknown-type',
      message: `"${path}": ${owner} refers to a type that is not in the set.`,
      found: name,
      expected: missing.size === 0 ? undefined : `the files ${[...missing].sort().join(', ')} in the set`,
      hint: missing.size === 0 ? hint : 'protoc --include_imports --descriptor_set_out=…',
    });
  }
  if (unresolved.length > 0) return undefined;
  root.resolveAll();
  return root;
}

function addFile(root: Root, file: FileProto): void {
  const edition = file.edition?.replace('EDITION_', '') ?? file.syntax ?? 'proto2';
  const inherited = { edition: edition === '' ? 'proto2' : edition, features: file.options?.features };
  const nested: NonNullable<INamespace['nested']> = {};
  for (const type of file.messageType ?? []) nested[type.name!] = toType(type, inherited);
  for (const type of file.enumType ?? []) nested[type.name!] = toEnum(type, inherited);
  for (const service of file.service ?? []) nested[service.name!] = toService(service);
  for (const field of file.extension ?? []) {
    nested[field.name!] = { ...toField(field), edition: inherited.edition } as unknown as INamespace;
  }
  const scope = file.package === undefined || file.package === '' ? root : root.define(file.package);
  scope.addJSON(nested);
}

interface Inherited {
  /** Of the file; only on what stands at its top. */
  readonly edition?: string;
  readonly features?: Readonly<Record<string, unknown>> | undefined;
}

function toType(type: MessageProto, inherited: Inherited = {}): IType & { edition?: string } {
  const entries = new Map(
    (type.nestedType ?? []).filter(({ options }) => options?.mapEntry).map((entry) => [entry.name, entry]),
  );
  const groups = new Set(
    (type.field ?? [])
      .filter((field) => field.type === 'TYPE_GROUP')
      .map((field) => lastName(field.typeName)),
  );
  const fields: IType['fields'] = {};
  const oneofs: NonNullable<IType['oneofs']> = {};
  for (const field of type.field ?? []) {
    const name = field.jsonName || toJsonName(field.name!);
    const entry = field.label === 'LABEL_REPEATED' ? entries.get(lastName(field.typeName)) : undefined;
    fields[name] = entry === undefined ? toField(field) : toMapField(field, entry);
    const oneof = field.oneofIndex === undefined ? undefined : type.oneofDecl?.[field.oneofIndex]?.name;
    if (oneof === undefined) continue;
    const key = field.proto3Optional === true ? `_${name}` : toJsonName(oneof);
    oneofs[key] ??= { oneof: [] };
    oneofs[key].oneof.push(name);
  }
  const nested: NonNullable<INamespace['nested']> = {};
  for (const inner of type.nestedType ?? []) {
    if (entries.has(inner.name)) continue;
    nested[inner.name!] = { ...toType(inner), ...(groups.has(inner.name ?? '') ? { group: true } : {}) };
  }
  for (const inner of type.enumType ?? []) nested[inner.name!] = toEnum(inner);
  for (const field of type.extension ?? []) nested[field.name!] = toField(field) as unknown as INamespace;
  return { fields, oneofs, nested, ...head(type.options, inherited) };
}

function toField(field: FieldProto): IType['fields'][string] {
  const options: Record<string, unknown> = {};
  if (field.proto3Optional === true) options.proto3_optional = true;
  if (field.options?.packed !== undefined) options.packed = field.options.packed;
  if (field.options?.features !== undefined) options.features = toSnake(field.options.features);
  const given = defaultOf(field);
  if (given !== undefined) options.default = given;
  return {
    id: field.number!,
    type: typeOf(field),
    ...(field.extendee === undefined || field.extendee === '' ? {} : { extend: field.extendee }),
    ...(field.label === 'LABEL_REPEATED'
      ? { rule: 'repeated' }
      : field.label === 'LABEL_REQUIRED'
        ? { rule: 'required' }
        : {}),
    options,
  };
}

function toMapField(field: FieldProto, entry: MessageProto): IType['fields'][string] {
  const [key, value] = entry.field ?? [];
  return { id: field.number!, keyType: typeOf(key!), type: typeOf(value!) } as IType['fields'][string];
}

function toEnum(type: EnumProto, inherited: Inherited = {}): IEnum & { edition?: string } {
  const values = Object.fromEntries((type.value ?? []).map(({ name, number }) => [name!, number ?? 0]));
  return { values, ...head(type.options, inherited) };
}

function toService(service: ServiceProto): IService {
  const methods = (service.method ?? []).map(
    (method) =>
      [
        method.name!,
        {
          comment: '',
          requestType: method.inputType!,
          responseType: method.outputType!,
          requestStream: method.clientStreaming === true,
          responseStream: method.serverStreaming === true,
        },
      ] as const,
  );
  return { methods: Object.fromEntries(methods) };
}

/** Edition and features; those of a file belong to each thing at its top. */
function head(own: WithFeatures | undefined, { edition, features }: Inherited) {
  const merged = { ...features, ...own?.features };
  return {
    ...(edition === undefined ? {} : { edition }),
    ...(Object.keys(merged).length === 0 ? {} : { options: { features: toSnake(merged) } }),
  };
}

function toSnake(features: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(features).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** TYPE_INT64 is int64; messages, groups and enums go by their name. */
function typeOf(field: FieldProto): string {
  if (field.typeName !== undefined && field.typeName !== '') return field.typeName;
  return (field.type ?? '').replace('TYPE_', '').toLowerCase();
}

function defaultOf({ type, defaultValue }: FieldProto): unknown {
  if (defaultValue === undefined) return undefined;
  if (type === 'TYPE_BYTES') return fromEscapes(defaultValue).toString('base64');
  if (type === 'TYPE_STRING' || type === 'TYPE_ENUM') return defaultValue;
  if (type === 'TYPE_BOOL') return defaultValue === 'true';
  return Number(defaultValue.replace('inf', 'Infinity'));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Bytes as descriptors write them: C's escapes, octal for what is not printable. */
function fromEscapes(text: string): Buffer {
  const characters = text.replace(/\\(?:([0-7]{1,3})|(.))/g, (_, octal?: string, letter?: string) =>
    octal === undefined ? (ESCAPES[letter!] ?? letter!) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(characters, 'latin1');
}

function lastName(typeName: string | undefined): string {
  return typeName?.slice(typeName.lastIndexOf('.') + 1) ?? '';
}

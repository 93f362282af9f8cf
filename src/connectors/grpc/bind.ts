/** Checks one `@grpc` directive and compiles it: values to request bytes, answer bytes to the field's value. */
import { type GraphQLOutputType, getNamedType, isListType, isNonNullType } from 'graphql';
import type { Method, Type } from 'protobufjs';
import type { Literal } from '../../mapping/literal.ts';
import { formatPath, GrammarError, type Path, parsePath } from '../../mapping/path.ts';
import { referencesOf, type Template, toText } from '../../mapping/template.ts';
import { rootOf, type ValueOf, type Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import type { AnswerTypes } from './answers.ts';
import { checkAnswer } from './check-answer.ts';
import { checkArgumentType, checkLiteral, unknownField } from './check-request.ts';
import type { GrpcSpec } from './load.ts';
import { Misfit } from './misfit.ts';
import type { GrpcOptions } from './options.ts';
import type { RequestTypes } from './requests.ts';
import { describe, namesIn, type Shape, shapeOfField, shapeOfType, walk } from './shape.ts';

export interface GrpcBinding {
  /** "/package.Service/Method" */
  readonly path: string;
  readonly mode: 'unary' | 'server-stream' | 'bidirectional';
  /** @throws {HemError} BAD_ARGUMENT */
  readonly encode: (values: Values) => Buffer;
  /** @throws when the bytes are not the answer's message */
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly metadata: ReadonlyArray<{ readonly name: string; readonly value: (values: Values) => string }>;
  /** A lookup's NOT_FOUND is "there is none", not a failure. */
  readonly missingIsNull: boolean;
  /** For error details. */
  readonly answers: AnswerTypes;
}

const METADATA_NAME = /^[0-9a-z_.-]+$/;

export function bind(
  field: FieldToBind,
  spec: GrpcSpec,
  source: ConnectorSource<GrpcOptions>,
): GrpcBinding | undefined {
  const method = findMethod(field, spec);
  const metadata = bindMetadata(field);
  if (method === undefined || !checkMode(field, method)) return undefined;
  // Resolved when the files were loaded.
  const request = method.resolvedRequestType!;
  const response = method.resolvedResponseType!;
  const encode = bindRequest(
    field,
    request,
    spec.requests,
    metadata.map(({ template }) => template),
  );
  const decode = bindAnswer(field, response, spec.answers, source);
  if (encode === undefined || decode === undefined) return undefined;
  return {
    path: `/${method.parent!.fullName.slice(1)}/${method.name}`,
    mode:
      method.requestStream === true
        ? 'bidirectional'
        : method.responseStream === true
          ? 'server-stream'
          : 'unary',
    encode,
    decode,
    metadata: metadata.map(({ name, template }) => ({ name, value: toText(template) })),
    missingIsNull: field.isLookup,
    answers: spec.answers,
  };
}

function findMethod(field: FieldToBind, spec: GrpcSpec): Method | undefined {
  const name = String(field.directive.method);
  const method = spec.methods.get(name);
  if (method !== undefined) return method;
  const names = [...spec.methods.keys()];
  const service = names.filter((known) => known.startsWith(`${name.split('/')[0]}/`));
  field.report(
    {
      rule: 'grpc-unknown-method',
      message: `The connector's ${names.length === 0 ? 'files define no method' : 'services have no such method'}.`,
      found: JSON.stringify(name),
      expected: listed(service.length > 0 ? service : names),
      hint: hintFor(name, names),
    },
    ['method'],
  );
  return undefined;
}

/** A wrong method of a right service, a right method of a wrong service, or neither. */
function hintFor(name: string, names: readonly string[]): string | undefined {
  const [service = '', method = ''] = name.split('/');
  const inService = names.filter((known) => known.startsWith(`${service}/`));
  if (inService.length > 0) {
    return didYouMean(
      method,
      inService.map((known) => known.slice(service.length + 1)),
    );
  }
  const elsewhere = names.filter((known) => known.endsWith(`/${method}`));
  return didYouMean(name, elsewhere.length > 0 ? elsewhere : names);
}

/** A method's kind is a fact of its definition, and only Subscription fields take streams. */
function checkMode(field: FieldToBind, method: Method): boolean {
  const { requestStream = false, responseStream = false } = method;
  const wantsStream = field.use === 'subscription';
  if (requestStream && !responseStream) {
    field.report(
      {
        rule: 'grpc-method-kind',
        message: `${method.name} takes a stream of requests, which no GraphQL field can send.`,
        expected: 'a unary method, or one that answers with a stream',
      },
      ['method'],
    );
    return false;
  }
  if (wantsStream === responseStream) return true;
  field.report(
    {
      rule: 'grpc-method-kind',
      message: wantsStream
        ? `${method.name} gives one answer, and ${field.coordinate} is a subscription.`
        : `${method.name} answers with a stream, and ${field.coordinate} takes one answer.`,
      hint: wantsStream ? 'bind it to a field of Query or Mutation' : 'bind it to a field of Subscription',
    },
    ['method'],
  );
  return false;
}

function bindMetadata(field: FieldToBind): Array<{ name: string; template: Template }> {
  const entries = (field.directive.metadata ?? []) as ReadonlyArray<{ name: string; value: string }>;
  return entries.flatMap(({ name }, index) => {
    const lower = name.toLowerCase();
    if (!METADATA_NAME.test(lower) || lower.startsWith('grpc-')) {
      field.report(
        {
          rule: 'grpc-metadata',
          message: 'This is not a name that metadata may have.',
          found: JSON.stringify(name),
          expected: 'letters, digits, "-", "_" and ".", not beginning with "grpc-"',
        },
        ['metadata', index, 'name'],
      );
    }
    const template = field.template(['metadata', index, 'value']);
    return template === undefined ? [] : [{ name: lower, template }];
  });
}

function bindRequest(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  templates: readonly Template[],
): GrpcBinding['encode'] | undefined {
  const inMetadata = new Set(templates.flatMap(referencesOf).map(rootOf));
  if (field.directive.args !== undefined) {
    const literal = field.literal(['args']);
    return literal === undefined ? undefined : bindLiteral(field, type, requests, literal, inMetadata);
  }
  return bindByName(field, type, requests, inMetadata);
}

function bindLiteral(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  literal: Literal,
  inMetadata: ReadonlySet<string>,
): GrpcBinding['encode'] {
  const typeOfArgument = (name: string) => field.args.find((argument) => argument.name === name)?.type;
  checkLiteral(literal, type, requests, typeOfArgument, (problem, offset) =>
    field.report(problem, ['args'], offset),
  );
  const used = new Set([
    ...literal.references.filter(({ source }) => source === 'args').map(rootOf),
    ...inMetadata,
  ]);
  const unused = field.args.filter(({ name }) => !used.has(name)).map(({ name }) => name);
  if (unused.length > 0) {
    field.report(
      {
        rule: 'grpc-unused-argument',
        message: `${field.coordinate} has arguments that the request does not use.`,
        found: unused.join(', '),
        hint: `use ${unused.map((name) => `$${name}`).join(', ')} in "args", or remove the argument`,
      },
      ['args'],
    );
  }
  const convert = requests.message(type);
  const { evaluate } = literal;
  if (literal.references.length === 0) return constant(type, () => convert(evaluate(NO_VALUES)));
  return encoder(type, (values) => convert(evaluate(values) ?? {}));
}

const NO_VALUES: Values = { args: {}, parent: {}, claims: {} };

function bindByName(
  field: FieldToBind,
  type: Type,
  requests: RequestTypes,
  inMetadata: ReadonlySet<string>,
): GrpcBinding['encode'] {
  const parts: Array<{ name: string; value: ValueOf }> = [];
  for (const { name, type: argumentType } of field.args) {
    const target = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (target !== undefined) {
      checkArgumentType(argumentType, shapeOfField(target), `The argument "${name}"`, (problem) =>
        field.report(problem),
      );
      parts.push({ name, value: field.argument(name) });
    } else if (!inMetadata.has(name)) {
      unknownField(name, shapeOfType(type), `the argument "${name}"`, (problem) => field.report(problem));
    }
  }
  for (const { name, isKey } of field.parent) {
    if (!isKey || !Object.hasOwn(type.fields, name) || parts.some((part) => part.name === name)) continue;
    parts.push({ name, value: field.parentField(name) });
  }
  for (const target of type.fieldsArray) {
    if (!target.required || parts.some(({ name }) => name === target.name)) continue;
    field.report({
      rule: 'grpc-missing-field',
      message: `${describe(shapeOfType(type))} requires "${target.name}", and nothing fills it.`,
      hint: `add an argument "${target.name}", or say where it comes from with "args"`,
    });
  }
  const convert = requests.message(type);
  if (parts.length === 0) return constant(type, () => convert({}));
  return encoder(type, (values) => {
    const message: Record<string, unknown> = {};
    for (const part of parts) {
      const value = part.value(values);
      if (value !== undefined) message[part.name] = value;
    }
    return convert(message);
  });
}

function encoder(type: Type, toMessage: (values: Values) => unknown): GrpcBinding['encode'] {
  // Generated now rather than with the first call. Once only: it would undo what AnswerTypes has changed.
  if (!Object.hasOwn(type, 'encode')) type.setup();
  return (values) => {
    try {
      return type.encode(toMessage(values) as Record<string, unknown>).finish() as Buffer;
    } catch (error) {
      throw error instanceof Misfit ? error.toBadArgument() : error;
    }
  };
}

/** The same bytes every time. */
function constant(type: Type, toMessage: () => unknown): GrpcBinding['encode'] {
  let bytes: Buffer | undefined;
  const encode = encoder(type, toMessage);
  return (values) => {
    bytes ??= encode(values);
    return bytes;
  };
}

function bindAnswer(
  field: FieldToBind,
  type: Type,
  answers: AnswerTypes,
  source: ConnectorSource<GrpcOptions>,
): GrpcBinding['decode'] | undefined {
  const read = answers.reader(type);
  const shape = shapeOfType(type);
  const check = (found: Shape) =>
    checkAnswer(field.type, found, {
      coordinate: field.coordinate,
      isLookup: field.isLookup,
      report: (problem, node) => {
        if (node?.loc === undefined) field.report(problem);
        else source.reportIn('schema.graphql', node.loc.source.body, node.loc.start, problem);
      },
    });
  const { select } = field.directive;
  if (typeof select === 'string') {
    const walked = walkSelect(field, select, shape);
    if (walked !== undefined) check(walked);
    return read;
  }
  if (type.fieldsArray.length === 0 && getNamedType(field.type).name === 'Boolean' && !isList(field.type)) {
    // An empty answer says one thing: it was done.
    return (bytes) => {
      read(bytes);
      return true;
    };
  }
  const only = isList(field.type) && shape.kind === 'message' ? onlyList(field, type) : undefined;
  if (only === undefined) {
    check(shape);
    return read;
  }
  check(shapeOfField(type.fields[only]!));
  return (bytes) => (read(bytes) as Record<string, unknown>)[only];
}

function walkSelect(field: FieldToBind, select: string, shape: Shape): Shape | undefined {
  let path: Path;
  try {
    path = parsePath(select);
  } catch (error) {
    // Reported where `select` is compiled.
    if (error instanceof GrammarError) return undefined;
    throw error;
  }
  const walked = walk(shape, path);
  if ('found' in walked) return walked.found;
  const names = namesIn(walked.in);
  field.report(
    {
      rule: 'grpc-unknown-field',
      message: `${describe(walked.in)} has no field "${walked.missing}".`,
      found: formatPath(path),
      expected: names.join(', ') || undefined,
      hint: didYouMean(walked.missing, names),
    },
    ['select'],
  );
  return undefined;
}

/** A list field without `select` is the one list that the answer has. */
function onlyList(field: FieldToBind, type: Type): string | undefined {
  const lists = type.fieldsArray.filter(({ repeated }) => repeated).map(({ name }) => name);
  if (lists.length > 1) {
    field.report({
      rule: 'grpc-select',
      message: `${field.coordinate} is a list, and ${describe(shapeOfType(type))} has several.`,
      found: lists.join(', '),
      hint: `say which: select: "${lists[0]}"`,
    });
  }
  return lists[0];
}

function isList(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}

function listed(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return `${names.slice(0, 20).join(', ')}${names.length > 20 ? `, and ${names.length - 20} more` : ''}`;
}

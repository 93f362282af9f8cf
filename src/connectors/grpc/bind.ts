/** Checks one `@grpc` directive and compiles it. */
import type { Method } from 'protobufjs';
import { type Template, toText } from '../../mapping/template.ts';
import type { Values } from '../../mapping/values.ts';
import { didYouMean } from '../../problems.ts';
import type { ConnectorSource, FieldToBind } from '../kind.ts';
import { checkNoIdentity } from '../own-header.ts';
import type { AnswerTypes } from './answers.ts';
import { bindAnswer, type Decode } from './bind-answer.ts';
import { bindRequest, type Encode } from './bind-request.ts';
import type { GrpcSpec } from './load.ts';
import type { GrpcOptions } from './options.ts';

export interface GrpcBinding {
  /** "/package.Service/Method" */
  readonly path: string;
  readonly mode: 'unary' | 'server-stream' | 'bidirectional';
  readonly encode: Encode;
  readonly decode: Decode;
  readonly metadata: ReadonlyArray<{ readonly name: string; readonly value: (values: Values) => string }>;
  /** A lookup's NOT_FOUND is "there is none", not a failure. */
  readonly missingIsNull: boolean;
  /** It only asks. */
  readonly isRead: boolean;
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
  const metadata = bindMetadata(field, source);
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
  if (encode === undefined) return undefined;
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
    isRead: field.use !== 'mutation',
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

function bindMetadata(
  field: FieldToBind,
  source: ConnectorSource<GrpcOptions>,
): Array<{ name: string; template: Template }> {
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
    checkNoIdentity(name, ['metadata', index, 'name'], field, source);
    const template = field.template(['metadata', index, 'value']);
    return template === undefined ? [] : [{ name: lower, template }];
  });
}

function listed(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  return `${names.slice(0, 20).join(', ')}${names.length > 20 ? `, and ${names.length - 20} more` : ''}`;
}

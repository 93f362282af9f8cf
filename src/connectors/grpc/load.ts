/** Reads the vendored description of the services: `.proto` files or a descriptor set. */
import protobuf, { type Method, type NamespaceBase, type Root, type Type } from 'protobufjs';
import { identityHeadersOf } from '../identity-settings.ts';
import type { ConnectorSource } from '../kind.ts';
import { AnswerTypes } from './answers.ts';
import { readDescriptorSet } from './descriptor-set.ts';
import type { GrpcOptions } from './options.ts';
import { readProtoFiles } from './proto-files.ts';
import { RequestTypes } from './requests.ts';

export interface GrpcSpec {
  /** By "package.Service/Method". */
  readonly methods: ReadonlyMap<string, Method>;
  readonly answers: AnswerTypes;
  readonly requests: RequestTypes;
}

export async function load(source: ConnectorSource<GrpcOptions>): Promise<GrpcSpec | undefined> {
  checkEndpoint(source);
  checkHeaders(source);
  const root = await readRoot(source);
  if (root === undefined) return undefined;
  const methods = new Map<string, Method>();
  const types = new Map<string, Type>();
  index(root, methods, types);
  return { methods, answers: new AnswerTypes(types), requests: new RequestTypes(types) };
}

async function readRoot(source: ConnectorSource<GrpcOptions>): Promise<Root | undefined> {
  const { proto, descriptors } = source.options;
  if (proto !== undefined && descriptors === undefined) return readProtoFiles(source, proto);
  if (descriptors !== undefined && proto === undefined) return readDescriptorSet(source, descriptors);
  source.report([proto === undefined ? 'kind' : 'descriptors'], {
    rule: 'grpc-spec',
    message: 'A gRPC connector is described by exactly one of "proto" and "descriptors".',
    found: proto === undefined ? 'neither' : 'both',
    expected: 'proto: fleet.proto',
  });
  return undefined;
}

function checkEndpoint(source: ConnectorSource<GrpcOptions>): void {
  const { endpoint, tls } = source.settings;
  const url = new URL(endpoint);
  if (
    url.port === '' ||
    !['', '/'].includes(url.pathname) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    source.report(['endpoint'], {
      rule: 'grpc-endpoint',
      message: 'The endpoint of a gRPC backend is a host and a port.',
      found: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
      expected: `${url.protocol}//host:port`,
    });
  }
  if (tls !== undefined && url.protocol === 'grpc:') {
    source.report(['tls'], {
      rule: 'grpc-endpoint',
      message: '"tls" has no effect: the endpoint is without TLS.',
      found: 'grpc://',
      expected: 'grpcs://',
    });
  }
}

/** What grpc-js, or the protocol, writes itself (gRPC over HTTP/2, "Requests"): it would never arrive. */
const OWN_METADATA = /^(?:grpc-.*|user-agent|te|content-type)$/;

function checkHeaders({ settings, report }: ConnectorSource<GrpcOptions>): void {
  const { headers, identity } = settings;
  const written: ReadonlyArray<readonly [readonly (string | number)[], string]> = [
    ...headers.forward.map((name, index) => [['headers', 'forward', index], name] as const),
    ...Object.keys(headers.set).map((name) => [['headers', 'set', name], name] as const),
    ...identityHeadersOf(identity).map((name) => [['identity'], name] as const),
  ];
  for (const [at, name] of written) {
    if (!OWN_METADATA.test(name)) continue;
    report(at, { rule: 'grpc-header', message: 'gRPC writes this header itself.', found: name });
  }
}

function index(scope: NamespaceBase, methods: Map<string, Method>, types: Map<string, Type>): void {
  for (const item of scope.nestedArray) {
    if (item instanceof protobuf.Type) types.set(nameOf(item), item);
    if (item instanceof protobuf.Service) {
      for (const method of item.methodsArray) methods.set(`${nameOf(item)}/${method.name}`, method);
    }
    if (item instanceof protobuf.Namespace) index(item, methods, types);
  }
}

/** protobufjs writes a dot before full names. */
function nameOf(item: { readonly fullName: string }): string {
  return item.fullName.slice(1);
}

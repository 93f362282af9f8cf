import type { ConnectorKind } from '../kind.ts';
import { bind, type GrpcBinding } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { type GrpcSpec, load } from './load.ts';
import { directives, type GrpcOptions, options } from './options.ts';

export const grpc = {
  kind: 'grpc',
  summary: 'gRPC services, described by .proto files or a descriptor set',
  protocols: ['grpc:', 'grpcs:'],
  options,
  directives,
  selective: false,
  supports: { query: true, mutation: true, subscription: true },
  load,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<GrpcOptions, GrpcSpec, GrpcBinding>;

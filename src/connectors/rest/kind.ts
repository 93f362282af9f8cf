import type { ConnectorKind } from '../kind.ts';
import { bind, type RestBinding } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { load, type RestSpec } from './load.ts';
import { directives, options, type RestOptions } from './options.ts';

export const rest = {
  kind: 'rest',
  summary: 'HTTP APIs that speak JSON, described by OpenAPI or by nothing',
  protocols: ['http:', 'https:'],
  options,
  directives,
  selective: false,
  supports: { query: true, mutation: true, subscription: false },
  load,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<RestOptions, RestSpec, RestBinding>;

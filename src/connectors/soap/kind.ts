import type { ConnectorKind } from '../kind.ts';
import { bind, type SoapBinding } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { load, type SoapSpec } from './load.ts';
import { directives, options, type SoapOptions } from './options.ts';

export const soap = {
  kind: 'soap',
  summary: 'SOAP 1.1 and 1.2 services, described by WSDL',
  protocols: ['http:', 'https:'],
  options,
  directives,
  selective: false,
  supports: { query: true, mutation: true, subscription: false },
  load,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<SoapOptions, SoapSpec, SoapBinding>;

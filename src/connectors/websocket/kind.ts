import type { ConnectorKind } from '../kind.ts';
import { bind, type WebsocketBinding } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { load, type WebsocketSpec } from './load.ts';
import { directives, options, type WebsocketOptions } from './options.ts';

export const websocket = {
  kind: 'websocket',
  summary: 'Websocket servers: JSON-RPC 2.0 or messages of their own shape, with topics as subscriptions',
  protocols: ['ws:', 'wss:'],
  options,
  directives,
  selective: false,
  supports: { query: true, mutation: true, subscription: true },
  load,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<WebsocketOptions, WebsocketSpec, WebsocketBinding>;

/**
 * Every connector kind there is. Adding one is a folder beside this file and a line in this list. A kind and the libraries that it
 * needs are imported when a configuration has a connector of it.
 */
import type { ConnectorKind } from './kind.ts';

export interface RegisteredKind {
  readonly kind: string;
  import(): Promise<ConnectorKind>;
}

export const KINDS: readonly RegisteredKind[] = [
  register('amqp', async () => (await import('./amqp/kind.ts')).amqp),
  register('graphql', async () => (await import('./graphql/kind.ts')).graphql),
  register('grpc', async () => (await import('./grpc/kind.ts')).grpc),
  register('rest', async () => (await import('./rest/kind.ts')).rest),
  register('soap', async () => (await import('./soap/kind.ts')).soap),
  register('websocket', async () => (await import('./websocket/kind.ts')).websocket),
];

/** What a kind makes of its options and bindings is its own affair: others only hand them back to it. */
function register(kind: string, importKind: () => Promise<{ readonly kind: string }>): RegisteredKind {
  return { kind, import: importKind as () => Promise<ConnectorKind> };
}

/** Every connector kind there is. Adding one is a folder beside this file and a line in this list. */
import { amqp } from './amqp/kind.ts';
import { graphql } from './graphql/kind.ts';
import { grpc } from './grpc/kind.ts';
import type { ConnectorKind } from './kind.ts';
import { rest } from './rest/kind.ts';
import { soap } from './soap/kind.ts';
import { websocket } from './websocket/kind.ts';

export const KINDS: readonly ConnectorKind[] = [
  amqp,
  graphql,
  grpc,
  rest,
  soap,
  websocket,
] as unknown as readonly ConnectorKind[];

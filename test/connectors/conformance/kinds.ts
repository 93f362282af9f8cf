/** Every connector kind, as the conformance list tries it. */
import { amqp } from './amqp.ts';
import { graphql } from './graphql.ts';
import { grpc } from './grpc.ts';
import type { ConformingKind } from './kind.ts';
import { rest } from './rest.ts';
import { soap } from './soap.ts';
import { websocket } from './websocket.ts';

export const CONFORMING_KINDS: readonly ConformingKind[] = [amqp, graphql, grpc, rest, soap, websocket];

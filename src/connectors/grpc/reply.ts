/** What a call was answered with, in the form in which answers are shared and kept: as over HTTP. */
import type { Metadata } from '@grpc/grpc-js';
import { UpstreamError } from '../../errors.ts';
import type { Reply } from '../../upstream/kept-replies.ts';

/** What others may get, too. */
export interface GrpcReply extends Reply {
  /** The error where there is no such thing: what that means is for each to say who asked. */
  readonly message: Buffer | UpstreamError;
}

/** Names by which a backend says how long an answer counts, as over HTTP. */
const SAYING = ['cache-control', 'age', 'date', 'expires', 'vary'];

/** @param initial the metadata that came before the answer */
export function toReply(message: GrpcReply['message'], initial: Metadata | undefined): GrpcReply {
  const said = SAYING.flatMap((name) => {
    const values = initial?.get(name) ?? [];
    return values.length === 0 ? [] : [[name, values.join(', ')] as const];
  });
  const [status, length] = message instanceof UpstreamError ? [404, 0] : [200, message.length];
  return { status, headers: Object.fromEntries(said), body: { length }, message };
}

/** What was sent, as far as it makes one call another than the next. */
export function textsOf(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata.toHttp2Headers()).map(([name, value]) => [name, String(value)]),
  );
}

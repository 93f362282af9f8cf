/** What a backend says about its error beyond the status: google.rpc.Status in the trailer `grpc-status-details-bin`. */
import type { ServiceError } from '@grpc/grpc-js';
import protobuf, { type INamespace } from 'protobufjs';
import { AnswerTypes } from './answers.ts';
import { bundledFile } from './bundled.ts';

const MAX_DETAILS = 16;

/** Field names and numbers of google/rpc/status.proto and error_details.proto. DebugInfo is left out: it holds stack traces. */
const GOOGLE_RPC: INamespace = {
  nested: {
    Status: message({
      code: ['int32', 1],
      message: ['string', 2],
      details: ['google.protobuf.Any', 3, 'repeated'],
    }),
    RetryInfo: message({ retryDelay: ['google.protobuf.Duration', 1] }),
    ErrorInfo: {
      fields: {
        reason: { type: 'string', id: 1 },
        domain: { type: 'string', id: 2 },
        metadata: { keyType: 'string', type: 'string', id: 3 },
      },
    } as INamespace,
    QuotaFailure: message(
      { violations: ['Violation', 1, 'repeated'] },
      { Violation: message({ subject: ['string', 1], description: ['string', 2] }) },
    ),
    PreconditionFailure: message(
      { violations: ['Violation', 1, 'repeated'] },
      { Violation: message({ type: ['string', 1], subject: ['string', 2], description: ['string', 3] }) },
    ),
    BadRequest: message(
      { fieldViolations: ['FieldViolation', 1, 'repeated'] },
      { FieldViolation: message({ field: ['string', 1], description: ['string', 2] }) },
    ),
    RequestInfo: message({ requestId: ['string', 1], servingData: ['string', 2] }),
    ResourceInfo: message({
      resourceType: ['string', 1],
      resourceName: ['string', 2],
      owner: ['string', 3],
      description: ['string', 4],
    }),
    Help: message(
      { links: ['Link', 1, 'repeated'] },
      { Link: message({ description: ['string', 1], url: ['string', 2] }) },
    ),
    LocalizedMessage: message({ locale: ['string', 1], message: ['string', 2] }),
  },
};

export interface ErrorDetail {
  readonly message: string;
  /** In the JSON form of google.protobuf.Any. */
  readonly details?: readonly unknown[];
}

/** @param answers the connector's own types, for details that are none of google.rpc */
export function readErrorDetails(error: ServiceError, answers: AnswerTypes): ErrorDetail {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(bytes)) return { message: error.details };
  try {
    const status = statusType().decode(bytes) as unknown as {
      details: Array<{ type_url: string; value: Uint8Array }>;
    };
    const details = status.details.slice(0, MAX_DETAILS).flatMap(({ type_url: typeUrl, value }) => {
      const record = builtIn().readAny(typeUrl, value) ?? answers.readAny(typeUrl, value);
      return typeof record === 'object' ? [{ '@type': typeUrl, ...record }] : [];
    });
    return { message: error.details, details };
  } catch {
    return { message: error.details };
  }
}

let root: protobuf.Root | undefined;
let types: AnswerTypes | undefined;

/** Errors with details are rare: their types are compiled when the first comes. */
function builtIn(): AnswerTypes {
  types ??= new AnswerTypes(
    new Map(
      Object.keys(GOOGLE_RPC.nested!)
        .filter((name) => name !== 'Status')
        .map((name) => [`google.rpc.${name}`, rpcRoot().lookupType(`google.rpc.${name}`)]),
    ),
  );
  return types;
}

function statusType(): protobuf.Type {
  return rpcRoot().lookupType('google.rpc.Status');
}

function rpcRoot(): protobuf.Root {
  if (root !== undefined) return root;
  root = new protobuf.Root();
  for (const name of ['any', 'duration'])
    root.addJSON(bundledFile(`google/protobuf/${name}.proto`).definitions);
  root.define('google.rpc').addJSON(GOOGLE_RPC.nested!);
  root.resolveAll();
  return root;
}

function message(
  fields: Readonly<Record<string, readonly [type: string, id: number, rule?: 'repeated']>>,
  nested?: INamespace['nested'],
): INamespace {
  const entries = Object.entries(fields).map(([name, [type, id, rule]]) => [
    name,
    { type, id, ...(rule && { rule }) },
  ]);
  return { fields: Object.fromEntries(entries), ...(nested && { nested }) } as INamespace;
}

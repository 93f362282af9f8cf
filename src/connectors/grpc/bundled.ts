/** Definitions that need not be vendored: protobuf's well-known types. */
import protobuf, { type INamespace } from 'protobufjs';
// Registers google/protobuf/{api,descriptor,source_context,type}.proto with protobufjs.
import '@grpc/proto-loader';

const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  'google/protobuf/api.proto': ['google/protobuf/source_context.proto', 'google/protobuf/type.proto'],
  'google/protobuf/type.proto': ['google/protobuf/any.proto', 'google/protobuf/source_context.proto'],
};

/** Files that hold nothing but options, which Hem does not read: their absence does no harm. */
export const ONLY_OPTIONS: ReadonlySet<string> = new Set([
  'google/api/annotations.proto',
  'google/api/http.proto',
]);

export interface BundledFile {
  readonly definitions: NonNullable<INamespace['nested']>;
  readonly imports: readonly string[];
}

/** The name under which a file of this path is bundled, also when somebody has vendored a copy of it. */
export function bundledName(path: string): string | undefined {
  const name = /(?:^|\/)(google\/protobuf\/[^/]+\.proto)$/.exec(path)?.[1];
  return name !== undefined && Object.hasOwn(protobuf.common, name) ? name : undefined;
}

/** @param name one that `bundledName` gave */
export function bundledFile(name: string): BundledFile {
  return { definitions: protobuf.common.get(name)?.nested ?? {}, imports: IMPORTS[name] ?? [] };
}

/** What every call hands to grpc-js beside the method: metadata, and messages that are bytes already. */
import { Metadata } from '@grpc/grpc-js';
import { HemError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { GrpcBinding } from './bind.ts';

/** Messages are encoded and decoded outside of the library, where a failure can be told from the backend's. */
export const asIs = (bytes: Buffer) => bytes;

/** Headers and templates as metadata. @throws {HemError} BAD_ARGUMENT when a value cannot be metadata */
export function toMetadata(
  headers: Readonly<Record<string, string>>,
  own: GrpcBinding['metadata'],
  values: Values,
): Metadata {
  const metadata = new Metadata();
  for (const name of Object.keys(headers)) set(metadata, name, headers[name]!);
  for (const { name, value } of own) set(metadata, name, value(values));
  return metadata;
}

function set(metadata: Metadata, name: string, value: string): void {
  try {
    // What begins or ends with a space is sent without a word to nobody.
    if (value.trim() !== value) throw new Error('spaces around it');
    metadata.set(name, name.endsWith('-bin') ? bytesOf(value) : value);
  } catch (cause) {
    throw new HemError('BAD_ARGUMENT', {
      publicText: `"${name}" has a value that no header may have.`,
      cause,
    });
  }
}

/** In either alphabet (RFC 4648, 4 and 5). Node leaves out what is no base64, which would make one value of two. @throws where it would */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const plain = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  if (bytes.toString('base64').replace(/=+$/, '') !== plain) throw new Error('no base64');
  return bytes;
}

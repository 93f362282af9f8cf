/** What a message's body says. */
import type { Message } from 'amqplib';
import { parseJsonLosslessly } from '../../upstream/json.ts';
import type { CommonSettings } from '../settings.ts';

/** Why a message reaches nobody. */
export type DropReason =
  /** A reply that no call waits for: it came late, twice, or with a foreign correlation id. */
  | 'reply-unexpected'
  /** An event that is not JSON, is too large or of too many objects, or has a content coding. */
  | 'event-unreadable'
  /** An unreadable event that came back from the dead-letter exchange too often. */
  | 'event-returned';

/** A body that cannot be read, and why. */
export class UnreadableContent extends Error {}

/**
 * JSON, or text where the content type says so; an empty body is null.
 * @throws {UnreadableContent}
 */
export function readContent(
  { content, properties }: Message,
  { responseBytes, responseObjects }: CommonSettings['limits'],
): unknown {
  if (content.length > responseBytes)
    throw new UnreadableContent(`${content.length} bytes, more than ${responseBytes}`);
  const coding = properties.contentEncoding as string | undefined;
  if (coding !== undefined && coding !== '' && !PLAIN.test(coding)) {
    throw new UnreadableContent('a content coding that was not asked for');
  }
  if (content.length === 0) return null;
  const text = content.toString('utf8');
  const type = properties.contentType as string | undefined;
  if (type?.startsWith('text/') && !type.startsWith('text/json')) return text;
  try {
    return parseJsonLosslessly(text, responseObjects);
  } catch (cause) {
    throw new UnreadableContent(`${type ?? 'no content type'} ${(cause as Error).message}`, { cause });
  }
}

/** Several clients write the character set here. */
const PLAIN = /^(?:utf-?8|identity)$/i;

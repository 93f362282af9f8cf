/** What a message says of itself: the content header of class basic. */
import { AmqpException } from './exceptions.ts';
import { type Table, WireReader, WireWriter } from './wire.ts';

const BASIC = 60;

/** In the order of their flags, from the highest bit down. */
const PROPERTIES = [
  ['contentType', 'shortstr'],
  ['contentEncoding', 'shortstr'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'shortstr'],
  ['replyTo', 'shortstr'],
  ['expiration', 'shortstr'],
  ['messageId', 'shortstr'],
  ['timestamp', 'longlong'],
  ['type', 'shortstr'],
  ['userId', 'shortstr'],
  ['appId', 'shortstr'],
  ['clusterId', 'shortstr'],
] as const;

export interface ContentHeader {
  readonly bodyBytes: number;
  /** Flags and values as they came, to be passed on. */
  readonly properties: Buffer;
  readonly headers: Table | undefined;
  readonly replyTo: string | undefined;
  readonly expiration: string | undefined;
}

/** @throws {AmqpException} SYNTAX_ERROR, UNEXPECTED_FRAME */
export function readContentHeader(payload: Buffer): ContentHeader {
  const reader = new WireReader(payload);
  if (reader.short() !== BASIC)
    throw new AmqpException('UNEXPECTED_FRAME', 'content header of another class');
  reader.short();
  const bodyBytes = reader.longlong();
  const start = reader.offset;
  const values = readProperties(payload, start);
  return {
    bodyBytes,
    // The frame's bytes belong to a larger chunk, which a waiting message must not keep alive.
    properties: Buffer.from(payload.subarray(start)),
    headers: values.get('headers')?.value as Table | undefined,
    replyTo: values.get('replyTo')?.value as string | undefined,
    expiration: values.get('expiration')?.value as string | undefined,
  };
}

/** The payload of a content header frame. */
export function writeContentHeader(bodyBytes: number, properties: Buffer): Buffer {
  const writer = new WireWriter();
  writer.short(BASIC);
  writer.short(0);
  writer.longlong(bodyBytes);
  writer.raw(properties);
  return writer.toBuffer();
}

/** The same properties with another `reply-to`, which must be present. */
export function withReplyTo(properties: Buffer, replyTo: string): Buffer {
  const place = readProperties(properties, 0).get('replyTo');
  if (place === undefined) return properties;
  const writer = new WireWriter();
  writer.raw(properties.subarray(0, place.start));
  writer.shortstr(replyTo);
  writer.raw(properties.subarray(place.end));
  return writer.toBuffer();
}

interface Placed {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
}

function readProperties(bytes: Buffer, offset: number): Map<string, Placed> {
  const reader = new WireReader(bytes, offset);
  const flags = reader.short();
  if ((flags & 1) !== 0) throw new AmqpException('SYNTAX_ERROR', 'content header with unknown properties');
  const values = new Map<string, Placed>();
  PROPERTIES.forEach(([name, type], index) => {
    if ((flags & (0x8000 >> index)) === 0) return;
    const start = reader.offset;
    const value = reader[type]();
    values.set(name, { value, start, end: reader.offset });
  });
  return values;
}

/** Bounds how many messages an answer may hold. One takes two bytes on the wire, and some hundred times as much once it is read. */
import protobuf, { type Type } from 'protobufjs';

/** Of the bytes that an answer may have, so many for each message in it. Below this in all, none of them is counted. */
const BYTES_PER_MESSAGE = 20;

/** @param maxBytes that an answer may have @returns a function that throws for bytes that hold too many messages */
export function boundMessages(type: Type, maxBytes: number): (bytes: Uint8Array) => void {
  const most = Math.ceil(maxBytes / BYTES_PER_MESSAGE);
  return (bytes) => {
    // The smallest has a tag and a length.
    if (bytes.length / 2 <= most) return;
    if (holdsMore(type, protobuf.Reader.create(bytes), most))
      throw new RangeError(`more than ${most} messages in ${bytes.length} bytes`);
  };
}

/** Field 2, with a length. */
const VALUE = (2 << 3) | 2;

function holdsMore(outermost: Type, reader: protobuf.Reader, most: number): boolean {
  let count = 0;
  const walk = (type: Type, end: number): boolean => {
    while (reader.pos < end) {
      const tag = reader.uint32();
      const field = type.fieldsById[tag >>> 3];
      const isMap = field instanceof protobuf.MapField;
      const inner = field?.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
      if ((tag & 7) !== 2 || (inner === undefined && !isMap)) {
        reader.skipType(tag & 7);
        continue;
      }
      if (++count > most) return true;
      const length = reader.uint32();
      const end = reader.pos + length;
      if (isMap ? walkEntry(inner, end) : walk(inner!, end)) return true;
    }
    return false;
  };
  /** Of a map: its key is field 1, its value field 2. */
  const walkEntry = (value: Type | undefined, end: number): boolean => {
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag !== VALUE || value === undefined) {
        reader.skipType(tag & 7);
        continue;
      }
      if (++count > most) return true;
      const length = reader.uint32();
      if (walk(value, reader.pos + length)) return true;
    }
    return false;
  };
  return walk(outermost, reader.len);
}

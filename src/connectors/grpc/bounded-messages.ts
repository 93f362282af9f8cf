/** Bounds how many messages an answer may hold. One takes two bytes on the wire, and some hundred times as much once it is read. */
import protobuf, { type MapField, type Type } from 'protobufjs';

/** @returns a function that throws for bytes that hold more messages. Where too few bytes are there for that, none is counted */
export function boundMessages(type: Type, most: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    // The smallest has a tag and a length.
    if (bytes.length / 2 <= most) return;
    if (holdsMore(type, protobuf.Reader.create(bytes), most))
      throw new RangeError(`more than ${most} messages in ${bytes.length} bytes, see limits.responseObjects`);
  };
}

/** What messages are in: a message, or the entries of a map. */
type Holder = Type | MapField;

function holdsMore(outermost: Type, reader: protobuf.Reader, most: number): boolean {
  let count = 0;
  const walk = (holder: Holder, end: number): boolean => {
    while (reader.pos < end) {
      const tag = reader.uint32();
      const inner = (tag & 7) === WITH_LENGTH ? innerOf(holder, tag >>> 3) : undefined;
      if (inner === undefined) {
        reader.skipType(tag & 7);
        continue;
      }
      if (++count > most) return true;
      const length = reader.uint32();
      if (walk(inner, reader.pos + length)) return true;
    }
    return false;
  };
  return walk(outermost, reader.len);
}

/** A wire type. */
const WITH_LENGTH = 2;
/** An entry of a map has its key as field 1, its value as field 2. */
const VALUE = 2;

/** What the field of this number holds; undefined where that is no message. */
function innerOf(holder: Holder, id: number): Holder | undefined {
  const isEntry = holder instanceof protobuf.MapField;
  const field = isEntry ? (id === VALUE ? holder : undefined) : holder.fieldsById[id];
  if (!isEntry && field instanceof protobuf.MapField) return field;
  return field?.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
}

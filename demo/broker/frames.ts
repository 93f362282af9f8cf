/** Frames: how methods, content headers and bodies lie in the byte stream. */
import { AmqpException } from './exceptions.ts';
import { LIMITS } from './limits.ts';

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

const END = 0xce;
const HEAD_BYTES = 7;
export const FRAME_OVERHEAD = HEAD_BYTES + 1;
export const PROTOCOL_HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Cuts the byte stream into frames. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;

  /** @throws {AmqpException} FRAME_ERROR when the bytes are no frames, or too large ones */
  *push(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const frame = this.#next();
      if (frame === undefined) return;
      yield frame;
    }
  }

  /**
   * Takes the eight bytes with which a client begins.
   * @returns undefined until they are there, then whether they ask for AMQP 0-9-1
   */
  greet(chunk: Buffer): boolean | undefined {
    if (this.#greeted) return true;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const { length } = PROTOCOL_HEADER;
    if (!PROTOCOL_HEADER.subarray(0, this.#rest.length).equals(this.#rest.subarray(0, length))) return false;
    if (this.#rest.length < length) return undefined;
    this.#rest = this.#rest.subarray(length);
    this.#greeted = true;
    return true;
  }

  #next(): Frame | undefined {
    const bytes = this.#rest;
    if (bytes.length < HEAD_BYTES) return undefined;
    const size = bytes.readUInt32BE(3);
    if (size + FRAME_OVERHEAD > LIMITS.frameBytes) {
      throw new AmqpException('FRAME_ERROR', `frame of ${size} bytes, larger than was agreed`);
    }
    if (bytes.length < size + FRAME_OVERHEAD) return undefined;
    if (bytes[HEAD_BYTES + size] !== END) throw new AmqpException('FRAME_ERROR', 'frame without an end');
    this.#rest = bytes.subarray(size + FRAME_OVERHEAD);
    return {
      type: bytes[0]!,
      channel: bytes.readUInt16BE(1),
      payload: bytes.subarray(HEAD_BYTES, HEAD_BYTES + size),
    };
  }
}

export function toFrame(type: number, channel: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + FRAME_OVERHEAD);
  frame[0] = type;
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, HEAD_BYTES);
  frame[HEAD_BYTES + payload.length] = END;
  return frame;
}

export const HEARTBEAT = toFrame(FRAME.heartbeat, 0, Buffer.alloc(0));

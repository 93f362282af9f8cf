/** The data types of AMQP 0-9-1 in bytes. */
import { AmqpException } from './exceptions.ts';
import { LIMITS } from './limits.ts';

export type FieldValue = boolean | number | bigint | string | Buffer | null | readonly FieldValue[] | Table;

/** A field table. Without a prototype: its keys are the client's. */
export interface Table {
  readonly [key: string]: FieldValue;
}

/** Reads values one after another. @throws {AmqpException} SYNTAX_ERROR at the end of the bytes */
export class WireReader {
  readonly #bytes: Buffer;
  #offset: number;
  #bits = 0;
  /** How many bits of the last octet have been read. */
  #bitCount = 0;

  constructor(bytes: Buffer, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  octet(): number {
    return this.#bytes[this.#take(1)]!;
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  long(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Sizes, tags and times: beyond 2^53 nothing here makes sense. */
  longlong(): number {
    return Number(this.#bytes.readBigUInt64BE(this.#take(8)));
  }

  bit(): boolean {
    if (this.#bitCount === 0 || this.#bitCount === 8) {
      this.#bits = this.octet();
      this.#bitCount = 0;
    }
    return (this.#bits & (1 << this.#bitCount++)) !== 0;
  }

  shortstr(): string {
    const length = this.octet();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  longstr(): Buffer {
    const length = this.long();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  table(depth = 0): Table {
    if (depth > LIMITS.tableDepth) throw new AmqpException('SYNTAX_ERROR', 'table nested too deeply');
    const inner = new WireReader(this.longstr());
    const table: Record<string, FieldValue> = Object.create(null);
    while (!inner.#isAtEnd) table[inner.shortstr()] = inner.#field(depth);
    return table;
  }

  /** After this, bits begin a new octet. */
  endBits(): void {
    this.#bitCount = 0;
  }

  get #isAtEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  #field(depth: number): FieldValue {
    const tag = String.fromCharCode(this.octet());
    switch (tag) {
      case 't':
        return this.octet() !== 0;
      case 'b':
        return this.#bytes.readInt8(this.#take(1));
      case 'B':
        return this.octet();
      case 's':
        return this.#bytes.readInt16BE(this.#take(2));
      case 'u':
        return this.short();
      case 'I':
        return this.#bytes.readInt32BE(this.#take(4));
      case 'i':
        return this.long();
      case 'l':
        return this.#bytes.readBigInt64BE(this.#take(8));
      case 'T':
        return this.longlong();
      case 'f':
        return this.#bytes.readFloatBE(this.#take(4));
      case 'd':
        return this.#bytes.readDoubleBE(this.#take(8));
      case 'D': {
        const places = this.octet();
        return this.long() / 10 ** places;
      }
      case 'S':
        return this.longstr().toString('utf8');
      case 'x':
        return this.longstr();
      case 'V':
        return null;
      case 'F':
        return this.table(depth + 1);
      case 'A': {
        if (depth >= LIMITS.tableDepth) throw new AmqpException('SYNTAX_ERROR', 'array nested too deeply');
        const inner = new WireReader(this.longstr());
        const list: FieldValue[] = [];
        while (!inner.#isAtEnd) list.push(inner.#field(depth + 1));
        return list;
      }
      default:
        throw new AmqpException('SYNTAX_ERROR', 'unknown type in a table');
    }
  }

  #take(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw new AmqpException('SYNTAX_ERROR', 'too few bytes');
    this.#offset = start + length;
    return start;
  }
}

/** Collects values as bytes. */
export class WireWriter {
  readonly #parts: Buffer[] = [];
  #bits: number[] = [];

  octet(value: number): void {
    this.#push(Buffer.of(value));
  }

  short(value: number): void {
    const bytes = Buffer.allocUnsafe(2);
    bytes.writeUInt16BE(value);
    this.#push(bytes);
  }

  long(value: number): void {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    this.#push(bytes);
  }

  longlong(value: number): void {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(BigInt(value));
    this.#push(bytes);
  }

  bit(value: boolean): void {
    this.#bits.push(value ? 1 : 0);
    if (this.#bits.length === 8) this.endBits();
  }

  shortstr(value: string): void {
    const bytes = Buffer.from(value);
    this.octet(bytes.length);
    this.#push(bytes);
  }

  longstr(value: string | Buffer): void {
    const bytes = Buffer.from(value);
    this.long(bytes.length);
    this.#push(bytes);
  }

  /** Of the field types only those that the broker itself sends. */
  table(value: Table): void {
    const inner = new WireWriter();
    for (const [key, field] of Object.entries(value)) {
      inner.shortstr(key);
      if (typeof field === 'boolean') {
        inner.octet('t'.charCodeAt(0));
        inner.octet(field ? 1 : 0);
      } else if (typeof field === 'string') {
        inner.octet('S'.charCodeAt(0));
        inner.longstr(field);
      } else if (typeof field === 'object' && field !== null && !Array.isArray(field)) {
        inner.octet('F'.charCodeAt(0));
        inner.table(field as Table);
      } else {
        throw new TypeError(`the broker sends no ${typeof field} in tables`);
      }
    }
    this.longstr(inner.toBuffer());
  }

  /** Writes the bits collected so far as one octet. */
  endBits(): void {
    if (this.#bits.length === 0) return;
    const octet = this.#bits.reduce((sum, bit, index) => sum | (bit << index), 0);
    this.#bits = [];
    this.octet(octet);
  }

  raw(bytes: Buffer): void {
    this.#push(bytes);
  }

  toBuffer(): Buffer {
    this.endBits();
    return Buffer.concat(this.#parts);
  }

  #push(bytes: Buffer): void {
    this.#parts.push(bytes);
  }
}

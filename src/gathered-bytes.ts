/** Bytes that a peer sends in pieces of its own choosing, until they are wanted as one. */

/** How many pieces are held as they came. */
const MAX_LOOSE = 256;

/**
 * Whoever sends a body one byte at a time has each byte kept in a buffer of its own, some four hundred bytes. So pieces are copied
 * together whenever there are many; what comes in few is not copied before it is taken.
 */
export class GatheredBytes {
  #pieces: Buffer[] = [];
  /** How many at the end have not been copied together. */
  #loose = 0;
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    this.#pieces.push(piece);
    if (++this.#loose < MAX_LOOSE) return;
    this.#pieces.push(Buffer.concat(this.#pieces.splice(-MAX_LOOSE)));
    this.#loose = 0;
  }

  /** All of them. Nothing is held any longer. */
  take(): Buffer {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length);
    this.drop();
    return bytes;
  }

  drop(): void {
    this.#pieces = [];
    this.#loose = 0;
    this.#length = 0;
  }
}

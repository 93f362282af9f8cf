/** Series by their labels, at most so many: what comes after that is counted together, and nothing that a caller sends makes it grow. */

/** In place of each label of what is counted together. */
export const OTHER = 'other';

const MAX_CHARACTERS = 200;

/** A text as one line of bounded length: without what terminals and logs would act on. */
export function toLabel(text: string): string {
  const plain = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  return PLAIN.test(plain) ? plain : plain.toWellFormed().replace(UNSEEN, '\ufffd');
}

const PLAIN = /^[\x20-\x7e]*$/;
/** Control characters, what changes the direction of text, line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

interface Entry<Value> {
  readonly labels: readonly string[];
  readonly value: Value;
}

export class Series<Value> {
  readonly names: readonly string[];
  readonly #make: () => Value;
  readonly #max: number;
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(names: readonly string[], { make, max }: { readonly make: () => Value; readonly max: number }) {
    this.names = names;
    this.#make = make;
    this.#max = max;
  }

  /** The one of these labels, in the order of the names; the same as long as the process lives. */
  of(...given: readonly string[]): Value {
    // Labels are nearly always as they should be. One with a line break is nobody's id: an id has as many of them as names, less one.
    const known = this.#entries.get(given.join('\n'));
    if (known !== undefined) return known.value;
    const labels = given.map(toLabel);
    const id = labels.join('\n');
    const cleaned = this.#entries.get(id);
    if (cleaned !== undefined) return cleaned.value;
    return this.#entries.size < this.#max ? this.#add(id, labels) : this.#other();
  }

  *[Symbol.iterator](): Generator<readonly [labels: Readonly<Record<string, string>>, value: Value]> {
    for (const { labels, value } of this.#entries.values())
      yield [Object.fromEntries(this.names.map((name, index) => [name, labels[index]!])), value];
  }

  #other(): Value {
    const labels = this.names.map(() => OTHER);
    const id = labels.join('\n');
    return this.#entries.get(id)?.value ?? this.#add(id, labels);
  }

  #add(id: string, labels: readonly string[]): Value {
    const value = this.#make();
    this.#entries.set(id, { labels, value });
    return value;
  }
}

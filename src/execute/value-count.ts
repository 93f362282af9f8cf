/** Counts the values of an answer as they are made: a small document times a long list is an answer that nothing can hold. */
import { HemError } from '../errors.ts';

/** What a value takes in an answer, about. */
const CHARACTERS = 64;

/** What a field takes, beside its value: the answer has its name with every object. */
export function countOfField(responseKey: string): number {
  return 1 + countOfText(responseKey);
}

function countOfText(text: string): number {
  return Math.floor(text.length / CHARACTERS);
}

export class ValueCount {
  readonly most: number;
  #left: number;
  #isOver = false;

  constructor(most: number) {
    this.most = most;
    this.#left = most;
  }

  /** @returns whether there is room for so many more; what there is no room for takes none */
  take(count: number): boolean {
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }

  /** Whether something took all that was left, and more: trees need not be looked at any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The same for a value that is complete, whatever a scalar has made it; of a tree for which there is no room nothing is left. */
  takeAll(value: unknown): boolean {
    if (typeof value === 'string') return this.takeText(value);
    if (typeof value !== 'object' || value === null) return true;
    if (this.#takeTree(value)) return true;
    this.#isOver = true;
    this.#left = 0;
    return false;
  }

  #takeTree(value: object): boolean {
    const nested: object[] = [value];
    for (let object = nested.pop(); object !== undefined; object = nested.pop()) {
      const isList = Array.isArray(object);
      for (const key of Object.keys(object)) {
        const one = (object as Record<string, unknown>)[key];
        if (!this.take(isList ? 1 : countOfField(key))) return false;
        if (typeof one === 'string' && !this.takeText(one)) return false;
        if (typeof one === 'object' && one !== null) nested.push(one);
      }
    }
    return true;
  }

  /** The same for a text, which counts once more for every {@link CHARACTERS} that it has. */
  takeText(text: string): boolean {
    return text.length < CHARACTERS || this.take(countOfText(text));
  }

  /** What was made is thrown away, and made anew. */
  reset(): void {
    this.#left = this.most;
    this.#isOver = false;
  }

  refusal(): HemError {
    return new HemError('OPERATION_TOO_LARGE', {
      publicText: `The answer has more than the ${this.most} values that are allowed: ask for shorter lists, or for less of each.`,
    });
  }
}

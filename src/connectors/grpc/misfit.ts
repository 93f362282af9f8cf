/** A value that a request message cannot hold. */
import { HemError } from '../../errors.ts';

export class Misfit extends Error {
  readonly expected: string;
  /** From the request message down to the value. */
  readonly path: Array<string | number> = [];

  constructor(expected: string) {
    super(`expected ${expected}`);
    this.name = 'Misfit';
    this.expected = expected;
  }

  /** Runs a conversion of the value at `step`. */
  static at<T>(step: string | number, convert: () => T): T {
    try {
      return convert();
    } catch (error) {
      if (error instanceof Misfit) error.path.unshift(step);
      throw error;
    }
  }

  /** For the caller. */
  toBadArgument(): HemError {
    const where = this.path.map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`,
    );
    const what = where.length === 0 ? 'The request' : `"${where.join('')}"`;
    return new HemError('BAD_ARGUMENT', { publicText: `${what} must be ${this.expected}.` });
  }
}

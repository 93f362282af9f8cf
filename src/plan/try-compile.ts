/** What cannot be compiled is an answer like others: the reference engine runs it. */
import { HemError } from '../errors.ts';
import { NotCompiled, type Plan } from './plan.ts';

export function tryCompile(compile: () => Plan): Plan | NotCompiled {
  try {
    return compile();
  } catch (error) {
    if (error instanceof NotCompiled) return error;
    // The reference engine says at which field.
    if (error instanceof HemError) return new NotCompiled(error.publicText);
    throw error;
  }
}

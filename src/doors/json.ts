/** JSON that a caller sends. */
import { Refusal } from './refusal.ts';

/** @throws {Refusal} that does not repeat the text */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal('BAD_REQUEST', `${what} is not JSON.`);
  }
}

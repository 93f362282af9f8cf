/** What an operator says is out of date: `{ "type": "Station", "key": "7" }`, or a list of these. */
import { z } from 'zod';
import type { OutOfDate } from '../cache/tags.ts';
import { Refusal } from '../doors/refusal.ts';

const scalar = z.union([z.string().max(1000), z.number()]);

const outOfDate = z.strictObject({
  type: z.string().regex(/^[_A-Za-z]\w{0,255}$/, { error: "a type of the graph, such as 'Station'" }),
  /** Of an entity; all of the type without it. */
  key: z
    .union([scalar, z.record(z.string(), scalar)], { error: 'a text, a number, or an object of these' })
    .optional(),
});

const body = z.union([outOfDate, z.array(outOfDate).max(1000)]);

/** @throws {Refusal} BAD_REQUEST */
export function readOutOfDate(given: unknown): readonly OutOfDate[] {
  const read = body.safeParse(given);
  if (!read.success) {
    throw new Refusal(
      'BAD_REQUEST',
      'The body says what is out of date: {"type": "Station", "key": "7"}, without "key" for all of the type; or a list of these.',
    );
  }
  return [read.data].flat();
}

/** What is not asked twice: the keys `dedupe` and `cache` of connector.yml, for kinds of all protocols. */
import { z } from 'zod';
import { duration, ENTRY_FITS, entryFits, room } from '../units.ts';

/** What is asked the same at the same time is asked once. */
export const dedupe = z.boolean().default(false);

const kept = z.strictObject({
  /** How long an answer counts about which the backend says nothing. */
  maxAge: duration.optional(),
  /** Of all answers that are kept. */
  maxBytes: room.default(16 * 1024 ** 2),
  /** A longer answer is not kept. */
  maxEntryBytes: room.default(1024 ** 2),
});

/** Answers are kept as long as the backend says that they count. */
export const cache = kept.refine(entryFits, ENTRY_FITS).optional();

/** The same for protocols in which no backend can say anything of the kind. */
export const cacheByAge = kept
  .extend({
    maxAge: duration.refine((ms) => ms > 0, {
      error: 'a duration: replies over this protocol say nothing of how long they count',
    }),
  })
  .refine(entryFits, ENTRY_FITS)
  .optional();

export type CacheSettings = z.output<typeof kept>;

export interface SharingOptions {
  readonly dedupe: boolean;
  readonly cache?: CacheSettings | undefined;
}

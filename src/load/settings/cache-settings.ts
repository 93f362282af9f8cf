/** `cache` in client.yml: how long answers may be kept, and where. */
import { z } from 'zod';
import { duration, ENTRY_FITS, entryFits, room } from '../../units.ts';

export const cacheSettings = z.strictObject({
  /** What root fields and objects have about which `@cacheControl` says nothing. */
  defaultMaxAge: duration.default(0),
  /** The gateway keeps answers, too. Without it only callers do. */
  responses: z
    .strictObject({
      /** Of all answers of this client in the memory of one process. */
      maxBytes: room.default(64 * 1024 ** 2),
      /** A longer answer is not kept. */
      maxEntryBytes: room.default(1024 ** 2),
      /** How long after its time an answer is still given, while it is asked for anew. */
      staleWhileRevalidate: duration.default(0),
      /** How long after its time an answer is given instead of a backend's failure. */
      staleIfError: duration.default(0),
    })
    .refine(entryFits, ENTRY_FITS)
    .optional(),
});

export type CacheSettings = z.output<typeof cacheSettings>;
export type ResponseCacheSettings = NonNullable<CacheSettings['responses']>;

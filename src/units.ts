/** Durations ("250ms", "10s", "5m", "2h", "90d") and sizes ("512KB", "10MB") as people write them in YAML. */
import { z } from 'zod';

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const;

/** Milliseconds of a text like "10s", or undefined. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * MILLISECONDS[match[2] as keyof typeof MILLISECONDS];
}

/** In the largest unit of which it is a whole number: 60000 is "1m". */
export function formatDuration(ms: number): string {
  const units = Object.entries(MILLISECONDS).reverse();
  const [unit, size] = units.find(([, length]) => ms % length === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** A duration in YAML; milliseconds once parsed. At most 24 days, what timers can hold. */
export const duration = z
  .string({ error: () => 'a duration such as "250ms", "10s" or "5m"' })
  .refine((text) => (parseDuration(text) ?? Infinity) < 2 ** 31, {
    error: 'a duration such as "250ms", "10s" or "5m"',
  })
  .transform((text) => parseDuration(text)!);

/** A size in YAML; bytes once parsed. */
export const byteSize = z
  .string({ error: () => 'a size such as "512KB" or "10MB"' })
  .regex(/^\d{1,9}(B|KB|MB|GB)$/, { error: 'a size such as "512KB" or "10MB"' })
  .transform((text) => Number.parseInt(text, 10) * BYTES[text.replace(/^\d+/, '') as keyof typeof BYTES]);

/** Of something that is to have room for anything at all. */
export const room = byteSize.refine((bytes) => bytes > 0, { error: 'a size of at least "1B"' });

/** Whether the longest entry has room among all of them. */
export function entryFits({ maxBytes, maxEntryBytes }: { maxBytes: number; maxEntryBytes: number }): boolean {
  return maxEntryBytes <= maxBytes;
}

export const ENTRY_FITS = {
  error: 'a size of at least maxEntryBytes, which is "1MB" unless given',
  path: ['maxBytes'],
};

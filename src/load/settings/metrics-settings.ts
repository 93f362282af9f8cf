/** `metrics`, `usage` in hem.yml: what is counted, and for how long it is kept. */
import { z } from 'zod';
import { duration } from '../../units.ts';

export const metricsSettings = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Of how many operations the time of fields is taken: 0.001 is one of a thousand, 0 none. */
    sample: z.number().min(0).max(1).default(0.001),
    /** Of one metric; what comes after that is counted as "other". */
    maxSeries: z.int().min(10).max(1_000_000).default(10_000),
  })
  .prefault({});

export type MetricsSettings = z.output<typeof metricsSettings>;

/** RFC 3986, 4.1: with a scheme, or without a colon in its first segment. */
const URI_REFERENCE =
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(?:\/\/\[[0-9A-Fa-f:.]+\])?(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$/;

export const usageSettings = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** How often counts go to the store. */
    flush: duration.default(10_000),
    /** How many hours are kept, each by itself. */
    hours: z.int().min(1).max(2400).default(168),
    /** How many days are kept. */
    days: z.int().min(1).max(4000).default(400),
    /** What CloudEvents say of where they are from: who collects those of several installations tells them apart by it. */
    source: z
      .string()
      .min(1)
      .max(500)
      .regex(URI_REFERENCE, {
        error: 'a URI reference, such as "https://api.example.com/hem" or "/hem/eu/usage"',
      })
      .default('/hem/usage'),
  })
  .prefault({});

export type UsageSettings = z.output<typeof usageSettings>;

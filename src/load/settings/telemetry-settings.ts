/** `telemetry` in hem.yml: where traces go. */
import { z } from 'zod';

const tracesSettings = z.strictObject({
  /** An OTLP collector's address for traces, over HTTP. */
  endpoint: z.url({
    protocol: /^https?$/,
    error: 'an http or https URL, such as "http://collector:4318/v1/traces"',
  }),
  /** Sent along, such as a collector's key. */
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/, { error: 'a header name' }), z.string()).default({}),
  /** Of how many requests: 0.01 is one of a hundred. */
  sample: z.number().min(0).max(1).default(0.01),
  /** Whether a request goes on with its caller's trace, and its sampling; else it begins one of its own, which names the caller's. */
  trustCallers: z.boolean().default(false),
  /** What traces call this gateway. */
  service: z.string().min(1).max(128).default('hem'),
});

export const telemetrySettings = z.strictObject({ traces: tracesSettings.optional() }).prefault({});

export type TracesSettings = z.output<typeof tracesSettings>;

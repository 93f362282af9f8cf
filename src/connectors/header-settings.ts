/** Names and values of headers, as settings write them. */
import { z } from 'zod';

/** Headers that belong to one hop or to the transport: no caller's value of them may travel on. */
export const NEVER_FORWARDED: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that tell one request from another rather than one caller: what a backend answers does not depend on them. */
export const OF_THE_REQUEST: ReadonlySet<string> = new Set(['x-request-id', 'traceparent', 'tracestate']);

/** Lower case. */
export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'a header name' })
  .transform((name) => name.toLowerCase())
  .refine((name) => !NEVER_FORWARDED.has(name), {
    error: 'a header that may be forwarded; this one belongs to a single hop',
  });

export const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'a header value without control characters' });

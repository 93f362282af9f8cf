/** The keys of connector.yml that every kind has. A kind adds its own through `ConnectorKind.options`. */
import { z } from 'zod';
import { byteSize, duration } from '../units.ts';
import { breaker } from './breaker-settings.ts';
import { headerName, headerValue } from './header-settings.ts';
import { identity } from './identity-settings.ts';
import { tls } from './tls-settings.ts';

const auth = z.union(
  [
    z.literal('none'),
    z.strictObject({ header: z.strictObject({ name: headerName, value: headerValue }) }),
    z.strictObject({ basic: z.strictObject({ username: z.string(), password: z.string() }) }),
    z.strictObject({ bearer: z.strictObject({ token: headerValue }) }),
    z.strictObject({
      oauth2: z.strictObject({
        tokenUrl: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
        clientId: z.string(),
        clientSecret: z.string(),
        scopes: z.array(z.string()).default([]),
        audience: z.string().optional(),
        /** How the client shows who it is (RFC 6749, 2.3.1). */
        clientAuthentication: z.enum(['basic', 'body']).default('basic'),
        /** Without it that of the backend, but for the name. */
        tls,
      }),
    }),
  ],
  { error: 'none, or exactly one of header, basic, bearer, oauth2 with its keys' },
);

export const commonSettings = z.strictObject({
  kind: z.string(),
  description: z.string().optional(),
  /** The team to talk to; shown in problems about ownership. */
  owner: z.string().optional(),
  endpoint: z.string(),
  auth: auth.default('none'),
  timeouts: z
    .strictObject({ connect: duration.default(2000), request: duration.default(5000) })
    .default({ connect: 2000, request: 5000 })
    .transform(({ connect, request }) => ({ connectMs: connect, requestMs: request })),
  resilience: z.strictObject({ breaker }).prefault({}),
  tls,
  headers: z
    .strictObject({
      /** Headers of the caller that travel on to this backend. */
      forward: z.array(headerName).default([]),
      set: z.record(headerName, headerValue).default({}),
    })
    .default({ forward: [], set: {} }),
  /** What the backend is told of who calls. */
  identity: identity.default('none'),
  errors: z
    .strictObject({
      /** Whether the backend's own description of an error may be shown to callers. */
      detail: z.enum(['hidden', 'public']).default('hidden'),
    })
    .default({ detail: 'hidden' }),
  limits: z
    .strictObject({
      responseBytes: byteSize.default(10 * 1024 ** 2),
      /** How many objects and lists one answer, event or message may hold. */
      responseObjects: z.int().min(1).max(100_000_000).default(100_000),
      /** How many of the calls that one operation makes for the objects of a list are under way at the same time. */
      callsAtOnce: z.int().min(1).max(1000).default(64),
    })
    .prefault({}),
  /** What no other connector may define or call. `*` at the end of a type name stands for any rest. */
  owns: z
    .strictObject({ types: z.array(z.string()).default([]), hosts: z.array(z.string()).default([]) })
    .default({ types: [], hosts: [] }),
});

export type CommonSettings = z.output<typeof commonSettings>;
export type AuthSettings = CommonSettings['auth'];

/** How Hem shows a backend who it is. OAuth 2.0 client credentials (RFC 6749, 4.4) are cached and renewed before they expire. */
import { z } from 'zod';
import { Cancellation } from '../cancellation.ts';
import type { AuthSettings, CommonSettings } from '../connectors/settings.ts';
import { UpstreamError } from '../errors.ts';
import { type Waiting, waitFor } from './deadline.ts';
import { HttpClient } from './http.ts';

export interface Credentials extends AsyncDisposable {
  /** Lower-case names. A promise only while a token is being fetched. */
  headers(context: Waiting): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** The backend refused them. */
  forget(): void;
}

export function openCredentials(connector: string, settings: CommonSettings): Credentials {
  const { auth } = settings;
  if (auth === 'none') return fixed({});
  if ('header' in auth) return fixed({ [auth.header.name]: auth.header.value });
  if ('basic' in auth) {
    const pair = Buffer.from(`${auth.basic.username}:${auth.basic.password}`).toString('base64');
    return fixed({ authorization: `Basic ${pair}` });
  }
  if ('bearer' in auth) return fixed({ authorization: `Bearer ${auth.bearer.token}` });
  return new ClientCredentials(connector, auth.oauth2, settings);
}

function fixed(headers: Readonly<Record<string, string>>): Credentials {
  return { headers: () => headers, forget: () => {}, [Symbol.asyncDispose]: async () => {} };
}

const tokenResponse = z.object({
  /** What may stand in a header (RFC 6749, A.12). */
  access_token: z
    .string()
    .max(65_536)
    .regex(/^[\x20-\x7e]+$/),
  /** Other types need more than a header. */
  token_type: z
    .string()
    .regex(/^bearer$/i)
    .optional(),
  expires_in: z.coerce.number().positive().max(31_536_000).optional(),
});

type OAuth2Settings = Extract<AuthSettings, { oauth2: unknown }>['oauth2'];

/** A token endpoint that fails is not asked for a renewal again, and a refused token not thrown away again, before this is over. */
const COOL_DOWN_MS = 1000;

/** A token is renewed in the background once 80 % of its life are over, and waited for when it has expired. */
class ClientCredentials implements Credentials {
  readonly #connector: string;
  readonly #settings: OAuth2Settings;
  readonly #client: HttpClient;
  #current:
    | { readonly headers: Record<string, string>; readonly renewAt: number; readonly expiresAt: number }
    | undefined;
  #fetching: Promise<Readonly<Record<string, string>>> | undefined;
  #forgottenAt = -Infinity;

  constructor(connector: string, settings: OAuth2Settings, common: CommonSettings) {
    this.#connector = connector;
    this.#settings = settings;
    // The name that the backend's certificate has is the backend's.
    const tls = common.tls === undefined ? undefined : { ...common.tls, serverName: undefined };
    this.#client = new HttpClient(connector, settings.tokenUrl, { ...common, tls });
  }

  headers(context: Waiting): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>> {
    const now = performance.now();
    if (this.#current === undefined || now >= this.#current.expiresAt) {
      const toError = () =>
        new UpstreamError('UPSTREAM_TIMEOUT', this.#connector, { internal: 'waiting for an access token' });
      return waitFor(this.#fetch(), context.deadlineAt - now, context.cancellation, toError);
    }
    const current = this.#current;
    if (now >= current.renewAt) {
      this.#current = { ...current, renewAt: now + COOL_DOWN_MS };
      this.#fetch().catch(() => {});
    }
    return current.headers;
  }

  /** Many calls are refused with one token, and a backend may refuse every token: one new token per cool-down. */
  forget(): void {
    const now = performance.now();
    if (now < this.#forgottenAt + COOL_DOWN_MS) return;
    this.#forgottenAt = now;
    this.#current = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** One request at a time, whoever asks; it does not belong to any caller, so no caller's leaving ends it. */
  #fetch(): Promise<Readonly<Record<string, string>>> {
    this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #request(): Promise<Readonly<Record<string, string>>> {
    const { clientId, clientSecret, scopes, audience, tokenUrl, clientAuthentication } = this.#settings;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    if (audience !== undefined) form.set('audience', audience);
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    if (clientAuthentication === 'body') {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
    } else {
      const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
      headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    const url = new URL(tokenUrl);
    const response = await this.#client.request(
      { method: 'POST', path: url.pathname + url.search, headers, body: form.toString() },
      { cancellation: new Cancellation(), deadlineAt: Infinity },
      (whole) => whole,
    );
    if (response.status !== 200) {
      throw new UpstreamError(codeOf(response.status), this.#connector, {
        internal: `the token endpoint ${url.origin} answered ${response.status}`,
        status: String(response.status),
      });
    }
    const token = tokenResponse.safeParse(parseJson(response.body));
    if (!token.success) {
      throw new UpstreamError('UPSTREAM_INVALID', this.#connector, {
        internal: `the token endpoint ${url.origin} answered no token`,
      });
    }
    // RFC 6749 recommends expires_in; without it five minutes are assumed.
    const lifeMs = (token.data.expires_in ?? 300) * 1000;
    const now = performance.now();
    this.#current = {
      headers: { authorization: `Bearer ${token.data.access_token}` },
      renewAt: now + lifeMs * 0.8,
      expiresAt: now + lifeMs * 0.95,
    };
    return this.#current.headers;
  }
}

/** 400 is what OAuth says of a client or a scope that it does not know. */
function codeOf(status: number): 'UPSTREAM_LIMITED' | 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_DENIED' {
  if (status === 429) return 'UPSTREAM_LIMITED';
  return status >= 500 ? 'UPSTREAM_UNAVAILABLE' : 'UPSTREAM_DENIED';
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

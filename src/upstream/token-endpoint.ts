/** Asks an OAuth 2.0 token endpoint for one access token. */
import { z } from 'zod';
import { Cancellation } from '../cancellation.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import type { TlsSettings } from '../connectors/tls-settings.ts';
import { UpstreamError } from '../errors.ts';
import { HttpClient } from './http.ts';

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

export interface TokenEndpointSettings {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientAuthentication: 'basic' | 'body';
  readonly tls?: TlsSettings | undefined;
}

export interface AccessToken {
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly lifeMs: number;
}

export class TokenEndpoint implements AsyncDisposable {
  readonly #connector: string;
  readonly #settings: TokenEndpointSettings;
  readonly #client: HttpClient;

  constructor(connector: string, settings: TokenEndpointSettings, common: CommonSettings) {
    this.#connector = connector;
    this.#settings = settings;
    // The name that the backend's certificate has is the backend's.
    const tls = settings.tls ?? (common.tls && { ...common.tls, serverName: undefined });
    this.#client = new HttpClient(connector, settings.tokenUrl, { ...common, tls });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /**
   * Belongs to no caller, so no caller's leaving ends it.
   * @param grant undefined values are left out
   * @throws {UpstreamError} UPSTREAM_DENIED, UPSTREAM_LIMITED, UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_INVALID
   */
  async request(grant: Readonly<Record<string, string | undefined>>): Promise<AccessToken> {
    const { clientId, clientSecret, tokenUrl, clientAuthentication } = this.#settings;
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(grant)) if (value !== undefined) form.set(name, value);
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
    return {
      token: token.data.access_token,
      headers: { authorization: `Bearer ${token.data.access_token}` },
      // RFC 6749 recommends expires_in; without it five minutes are assumed.
      lifeMs: (token.data.expires_in ?? 300) * 1000,
    };
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

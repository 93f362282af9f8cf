/** How Hem shows a backend who it is. OAuth 2.0 client credentials (RFC 6749, 4.4) are cached and renewed before they expire. */
import type { AuthSettings, CommonSettings } from '../connectors/settings.ts';
import { UpstreamError } from '../errors.ts';
import { type Waiting, waitFor } from './deadline.ts';
import { TokenEndpoint } from './token-endpoint.ts';

export interface Credentials extends AsyncDisposable {
  /** Lower-case names. A promise only while a token is being fetched. */
  headers(context: Waiting): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** The backend refused them. */
  forget(): void;
  /** Those of the last ones that no settings know: a backend may repeat them. */
  obtained(): readonly string[];
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
  return {
    headers: () => headers,
    forget: () => {},
    obtained: () => [],
    [Symbol.asyncDispose]: async () => {},
  };
}

type OAuth2Settings = Extract<AuthSettings, { oauth2: unknown }>['oauth2'];

/** A token lives a second at least, and hardly any call twenty. */
const MAX_REMEMBERED = 20;

/** A token endpoint that fails is not asked for a renewal again, and a refused token not thrown away again, before this is over. */
const COOL_DOWN_MS = 1000;

/** A token is renewed in the background once 80 % of its life are over, and waited for when it has expired. */
class ClientCredentials implements Credentials {
  readonly #connector: string;
  readonly #settings: OAuth2Settings;
  readonly #endpoint: TokenEndpoint;
  #current:
    | {
        readonly headers: Readonly<Record<string, string>>;
        readonly renewAt: number;
        readonly expiresAt: number;
      }
    | undefined;
  #fetching: Promise<Readonly<Record<string, string>>> | undefined;
  #forgottenAt = -Infinity;
  /** Calls with earlier ones may be under way. */
  #obtained: readonly string[] = [];

  constructor(connector: string, settings: OAuth2Settings, common: CommonSettings) {
    this.#connector = connector;
    this.#settings = settings;
    this.#endpoint = new TokenEndpoint(connector, settings, common);
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

  obtained(): readonly string[] {
    return this.#obtained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endpoint[Symbol.asyncDispose]();
  }

  /** One request at a time, whoever asks; it does not belong to any caller, so no caller's leaving ends it. */
  #fetch(): Promise<Readonly<Record<string, string>>> {
    this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #request(): Promise<Readonly<Record<string, string>>> {
    const { scopes, audience } = this.#settings;
    const { token, headers, lifeMs } = await this.#endpoint.request({
      grant_type: 'client_credentials',
      scope: scopes.length > 0 ? scopes.join(' ') : undefined,
      audience,
    });
    const now = performance.now();
    this.#obtained = [token, ...this.#obtained].slice(0, MAX_REMEMBERED);
    this.#current = { headers, renewAt: now + lifeMs * 0.8, expiresAt: now + lifeMs * 0.95 };
    return headers;
  }
}

/** The caller's token in exchange for one that the backend takes (RFC 8693). What fails is an error: the caller's own never goes instead. */
import type { CallContext } from '../call-context.ts';
import type { ExchangeSettings } from '../connectors/identity-settings.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import { UpstreamError } from '../errors.ts';
import { waitFor } from './deadline.ts';
import type { HeaderValues, Identity, IdentityContext } from './identity.ts';
import { type Made, PerCaller } from './per-caller.ts';
import { type AccessToken, TokenEndpoint } from './token-endpoint.ts';

type Exchanged = Pick<AccessToken, 'token' | 'headers'>;

/** A token goes along until so much of its life is over: calls take time, too. */
const USED = 0.95;

const NOBODY: HeaderValues = Object.freeze({});

export class TokenExchange implements Identity {
  readonly #connector: string;
  readonly #settings: ExchangeSettings;
  readonly #endpoint: TokenEndpoint;
  readonly #exchanged = new PerCaller<Exchanged>();

  constructor(connector: string, settings: ExchangeSettings, common: CommonSettings) {
    this.#connector = connector;
    this.#settings = settings;
    this.#endpoint = new TokenEndpoint(connector, settings, common);
  }

  headers(context: IdentityContext): HeaderValues | Promise<HeaderValues> {
    const token = context.principal?.token;
    if (token === undefined) return NOBODY;
    const got = this.#exchanged.get(token, () => this.#exchange(token));
    if (!(got instanceof Promise)) return got.headers;
    const toError = () =>
      new UpstreamError('UPSTREAM_TIMEOUT', this.#connector, { internal: 'waiting for a token exchange' });
    const { cancellation, deadlineAt } = context;
    return waitFor(got, deadlineAt - performance.now(), cancellation, toError).then(({ headers }) => headers);
  }

  forget({ principal }: Pick<CallContext, 'principal'>): void {
    if (principal?.token !== undefined) this.#exchanged.forget(principal.token);
  }

  obtained({ principal }: Pick<CallContext, 'principal'>): readonly string[] {
    return principal?.token === undefined
      ? []
      : this.#exchanged.last(principal.token).map(({ token }) => token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endpoint[Symbol.asyncDispose]();
  }

  async #exchange(token: string): Promise<Made<Exchanged>> {
    const { audience, scope, subjectTokenType } = this.#settings;
    const { lifeMs, ...value } = await this.#endpoint.request({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: subjectTokenType,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience,
      scope,
    });
    return { value, lifeMs: lifeMs * USED };
  }
}

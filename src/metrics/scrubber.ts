/** Takes out of a line of the log what nobody may read there: credentials by their shape, and those of this configuration by their text. */
import type { Client } from '../load/client.ts';
import type { Connector } from '../load/model.ts';
import type { HemSettings } from '../load/settings.ts';

export type Scrub = (line: string) => string;

const MASK = '[secret]';

/** Each takes what its first group has as it is. */
const SHAPES: readonly RegExp[] = [
  // Keys of consumers.
  /()\bhem_[A-Za-z0-9_-]{8,}/g,
  // JWTs, also unsigned ones.
  /()\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?/g,
  /\b(bearer |basic )[\w.~+/=-]{8,}/gi,
  // user:password@host
  /(:\/\/)[^/\s"@]{1,512}@/g,
  // In addresses and forms.
  /\b((?:access_token|id_token|refresh_token|token|api[-_]?key|apikey|password|passwd|secret|client_secret|signature)=)[^&\s"\\]+/gi,
  // Headers, as text or as JSON inside of the text of an error.
  /\b((?:authorization|proxy-authorization|cookie|set-cookie|x-api-key)\\?"?\s?[:=]\s?\\?"?)[^"\\\r\n]+/gi,
];

/** Most lines have nothing of it, and one look is enough. */
const SUSPECT = /hem_|eyJ|bearer|basic|:\/\/|=|authorization|cookie|x-api-key/i;

/** What JSON leaves as it is and terminals act on: further control characters, separators, what changes the direction of text. */
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const ASCII = /^[\n\x20-\x7e]*$/;

/** Shorter ones would be found in words. */
const MIN_CHARACTERS = 6;

/** @param secrets of this configuration */
export function scrubber(secrets: readonly string[]): Scrub {
  // As they stand inside of a text in JSON; longer ones first, because one may begin like another.
  const known = [...new Set(secrets)]
    .filter((secret) => secret.length >= MIN_CHARACTERS)
    .map((secret) => JSON.stringify(secret).slice(1, -1))
    .sort((a, b) => b.length - a.length);
  return (line) => {
    let scrubbed = line;
    for (const secret of known) scrubbed = scrubbed.replaceAll(secret, MASK);
    if (SUSPECT.test(scrubbed)) for (const shape of SHAPES) scrubbed = scrubbed.replace(shape, `$1${MASK}`);
    if (ASCII.test(scrubbed)) return scrubbed;
    return scrubbed.replace(
      UNSEEN,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  };
}

/** All credentials that a configuration holds. */
export function secretsOf({
  store,
  telemetry,
  keys,
  listen,
  connectors,
  clients,
}: Pick<HemSettings, 'store' | 'telemetry' | 'keys' | 'listen'> & {
  readonly connectors: readonly Connector[];
  readonly clients: ReadonlyArray<Pick<Client, 'auth'>>;
}): readonly string[] {
  const found: Array<string | undefined> = Object.values(telemetry.traces?.headers ?? {});
  found.push(listen.tls?.key, ...Object.values(keys.peppers ?? {}));
  if (store.kind === 'redis')
    found.push(store.password, store.sentinel?.password, passwordIn(store.url ?? ''));
  for (const { settings: own } of connectors) {
    found.push(own.tls?.key, passwordIn(own.endpoint));
    if (own.auth !== 'none') found.push(...secretsIn(own.auth));
    if (typeof own.identity === 'object' && 'token' in own.identity) found.push(own.identity.token.key);
    if (typeof own.identity === 'object' && 'exchange' in own.identity)
      found.push(own.identity.exchange.clientSecret);
  }
  for (const { auth } of clients)
    for (const { keys } of auth?.jwt?.issuers ?? []) if (keys.at === 'secret') found.push(keys.secret);
  return found.filter((secret): secret is string => secret !== undefined && secret !== '');
}

type Auth = Exclude<Connector['settings']['auth'], 'none'>;

function secretsIn(auth: Auth): readonly string[] {
  if ('header' in auth) return [auth.header.value];
  if ('bearer' in auth) return [auth.bearer.token];
  if ('oauth2' in auth) return [auth.oauth2.clientSecret];
  const { username, password } = auth.basic;
  return [password, Buffer.from(`${username}:${password}`).toString('base64')];
}

function passwordIn(url: string): string | undefined {
  const password = URL.parse(url)?.password ?? '';
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}

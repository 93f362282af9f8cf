/** The credentials that a configuration holds: for those who see to it that nobody else reads them. */
import type { Client } from './client.ts';
import type { Connector } from './model.ts';
import type { HemSettings } from './settings/settings.ts';

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
  for (const connector of connectors) found.push(...secretsOfConnector(connector));
  for (const { auth } of clients)
    for (const { keys } of auth?.jwt?.issuers ?? []) if (keys.at === 'secret') found.push(keys.secret);
  return found.filter(isThere);
}

/** Those that one backend is told, or that stand for the gateway there. */
export function secretsOfConnector({
  settings: { tls, endpoint, auth, identity, headers },
  options,
}: Pick<Connector, 'settings' | 'options'>): readonly string[] {
  const found = [tls?.key, passwordIn(endpoint)];
  for (const named of [headers.set, Object.fromEntries(URL.parse(endpoint)?.searchParams ?? []), options])
    found.push(...namedSecrets(named));
  if (auth !== 'none') found.push(...secretsIn(auth));
  if (typeof identity === 'object' && 'token' in identity) found.push(identity.token.key);
  if (typeof identity === 'object' && 'exchange' in identity) found.push(identity.exchange.clientSecret);
  return found.filter(isThere);
}

/** What settings are called that are no credentials' for certain, but are nobody's business. */
const SECRET_NAME =
  /authorization|(?:^|[-_])auth(?:$|[-_])|cookie|api[-_]?key|access[-_]?key|-key$|token|secret|passw|signature/i;

/** Texts and numbers under such names, however deep, with their parts. */
function namedSecrets(settings: unknown, isNamed = false): readonly string[] {
  if (typeof settings === 'number') return isNamed ? [String(settings)] : [];
  if (typeof settings === 'string') return isNamed ? withParts(settings) : [];
  if (typeof settings !== 'object' || settings === null) return [];
  return Object.entries(settings).flatMap(([name, value]) =>
    namedSecrets(value, isNamed || SECRET_NAME.test(name)),
  );
}

/** What is shorter in a cookie, and not called so, is a language or a theme. */
const MIN_COOKIE_CHARACTERS = 12;
const SECRET_PART = new RegExp(`${SECRET_NAME.source}|session|sid|key`, 'i');

/** `Bearer abc` is also `abc`, and `a=b; c=d` of a cookie `b` and `d`. */
function withParts(value: string): readonly string[] {
  const pairs = value
    .split(/;\s*/)
    .map((pair) => [pair.split('=', 1)[0]!, pair.slice(pair.indexOf('=') + 1)]);
  const secret = pairs
    .filter(([name, part]) => part!.length >= MIN_COOKIE_CHARACTERS || SECRET_PART.test(name!))
    .map(([, part]) => part!);
  return [value, value.replace(/^[A-Za-z]+ +/, ''), ...(value.includes('=') ? secret : [])];
}

function isThere(secret: string | undefined): secret is string {
  return secret !== undefined && secret !== '';
}

type Auth = Exclude<Connector['settings']['auth'], 'none'>;

function secretsIn(auth: Auth): readonly string[] {
  if ('header' in auth) return withParts(auth.header.value);
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

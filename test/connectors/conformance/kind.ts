/** What a connector kind brings along to be tried with the conformance list. */
import type { Things } from './things.ts';

/** What some kinds cannot do by their nature. */
export type Ability =
  | 'subscriptions'
  | 'cancellation'
  | 'caching headers'
  | 'forwarded headers'
  | 'basic'
  | 'bearer'
  | 'header'
  | 'oauth2'
  | 'TLS';

export interface ConformingKind {
  readonly kind: string;
  /** Why it does not have an ability. */
  readonly lacks: Readonly<Partial<Record<Ability, string>>>;
  start(options?: StartOptions): Promise<ThingsBackend>;
}

export interface StartOptions {
  /** The backend speaks TLS and insists on a client certificate. */
  readonly tls?: ServerTls;
}

/** PEM texts. */
export interface ServerTls {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** A real server, on one address for as long as it is not disposed. */
export interface ThingsBackend extends AsyncDisposable {
  readonly things: Things;
  /** For `endpoint`. */
  readonly url: string;
  /** Lines of connector.yml beside kind, endpoint and what the case is about. */
  readonly settings: string;
  /** The binding directive of each field. */
  readonly bindings: Bindings;
  /** Vendored files below the connector's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Breaks every connection and takes no new one. */
  down(): Promise<void>;
  /** Is there again, at the same address. */
  up(): Promise<void>;
  /** Tells everybody who listens to the thing. */
  emit?(id: string, name: string): void | Promise<void>;
  /** Subscriptions under way. */
  listeners?(): number | Promise<number>;
}

export interface Bindings {
  readonly thing: string;
  readonly thingsById: string;
  readonly things: string;
  readonly echo: string;
  readonly parts: string;
  readonly rename: string;
  readonly thingChanged?: string;
}

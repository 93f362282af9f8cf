/** What a request brings along to say who sends it. */
import type { Peer } from './peer.ts';

/** Texts are such that nobody has looked at yet. */
export interface Credentials {
  /** Says which user. */
  readonly token: string | undefined;
  /** Says which application, under which plan. */
  readonly key: string | undefined;
  /** The page that sends it, as its browser says. */
  readonly origin: string | undefined;
  /** The client certificate, verified; it says which application. */
  readonly peer: Peer | undefined;
  /** The same object for all that comes on one connection; undefined where a key comes once only. */
  readonly connection: object | undefined;
}

/** Whether `Authorization` carries one of Hem's keys, which are no backend's business; under whatever scheme, or none. */
export function carriesKey(authorization: string): boolean {
  return /\bhem_(?:live|test)_/i.test(authorization);
}

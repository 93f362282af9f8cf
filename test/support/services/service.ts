/** What the runner needs to know of a server that tests talk to. */
import type { Daemon } from './daemon.ts';

export interface Service {
  readonly name: string;
  /** The environment variable in which tests find its URL. Set from outside, that server is used as it is. */
  readonly variable: string;
  readonly defaultPort: number;
  /** Debian's packages. */
  readonly packages: readonly string[];
  /** Programs that must exist before it can be started. */
  readonly programs: readonly string[];
  /** The URL of one that listens on 127.0.0.1, with the credentials that it has out of the box. */
  url(port: number): string;
  /** Speaks the protocol once, with a login where there is one. @throws {Error} why this is not a usable server */
  probe(url: string): Promise<void>;
  /** Starts one on 127.0.0.1 and waits until `probe` accepts it. */
  start(place: Place): Promise<Daemon>;
}

export interface Place {
  /** Empty or left by the one that ran there before: state, logs and settings go nowhere else. */
  readonly directory: string;
  readonly port: number;
}

/**
 * Calls that ask the same at the same time are one, and what a backend allows to be kept is not asked for again. What makes two calls
 * the same is all that the backend would read of them, its caller's headers and the connector's own among it.
 */
import { hash } from 'node:crypto';
import type { CacheSize } from '../bounded-cache.ts';
import { Cancellation } from '../cancellation.ts';
import { OF_THE_REQUEST } from '../connectors/header-settings.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import { UpstreamError } from '../errors.ts';
import { Flights } from '../flights.ts';
import { TagClock } from '../tag-clock.ts';
import { callerHeaders } from './caller-headers.ts';
import { type Waiting, waitFor } from './deadline.ts';
import {
  addressOf,
  type Conditions,
  KeptReplies,
  type OutOfDate,
  type Question,
  type Reply,
  type Worth,
} from './kept-replies.ts';
import type { SharingOptions } from './sharing-settings.ts';

/** `hit`: nothing was asked. `stale`: the same, while it is asked for again. `miss`: it was asked for, perhaps on conditions. */
export type Lookup = 'hit' | 'stale' | 'miss';

export interface SharingSetup {
  readonly name: string;
  readonly settings: Pick<CommonSettings, 'headers' | 'identity'>;
  readonly options: SharingOptions;
  readonly outOfDate: OutOfDate;
  /** Told of each call that could have been answered from what is kept. */
  readonly onLookup?: ((lookup: Lookup) => void) | undefined;
  /** Given what tells how full it is, where anything is kept. */
  readonly onKeeping?: ((size: () => CacheSize) => void) | undefined;
}

export interface SharedCall<R> extends Question {
  readonly body: string | Buffer | undefined;
  /** The time it may take is the connector's: others may wait for it, too. */
  send(waiting: Waiting, conditions: Conditions): Promise<R>;
  /** Whether a reply may be given to others later; asked once, where it could be. */
  worthOf(reply: R): Worth;
}

/** Whether what a connector reads may be another caller's, too. @param options of a connector of any kind */
export function isShared({ dedupe, cache }: Partial<SharingOptions>): boolean {
  return dedupe === true || cache !== undefined;
}

export class SharedCalls<R extends Reply> {
  readonly #name: string;
  readonly #kept: KeptReplies<R> | undefined;
  readonly #outOfDate: OutOfDate;
  /** When something else than a read was asked of an address. */
  readonly #changes = new TagClock();
  readonly #onLookup: SharingSetup['onLookup'];
  readonly #flights = new Flights<R>();

  /** Undefined where connector.yml wants nothing shared: then there is nothing in the way of a call. */
  static of<R extends Reply>(setup: SharingSetup): SharedCalls<R> | undefined {
    return isShared(setup.options) ? new SharedCalls<R>(setup) : undefined;
  }

  private constructor({ name, settings, options, outOfDate, onLookup, onKeeping }: SharingSetup) {
    const naming = callerHeaders(settings);
    const knowsCaller = (headers: Question['headers']): boolean =>
      naming.some((header) => headers[header] !== undefined);
    this.#name = name;
    this.#outOfDate = outOfDate;
    this.#kept =
      options.cache &&
      new KeptReplies({ settings: options.cache, knowsCaller, outOfDate, changes: this.#changes });
    const kept = this.#kept;
    if (kept !== undefined) onKeeping?.(() => kept.size);
    this.#onLookup = onLookup;
  }

  /** What was asked for at this address by GET is out of date, whatever its query. */
  changed(path: string): void {
    this.#changes.mark([addressOf(path)]);
  }

  /** For what only asks. @throws what the call throws, and {UpstreamError} UPSTREAM_TIMEOUT when this caller may wait no longer */
  ask(call: SharedCall<R>, context: Waiting): Promise<R> {
    if (context.isFresh === true) return call.send(context, {});
    const key = keyOf(call);
    const kept = this.#kept;
    if (kept === undefined) return this.#join(key, call, context, (waiting) => call.send(waiting, {}));
    const found = kept.find(key, call);
    const ask = (waiting: Waiting) =>
      kept.ask(key, call, {
        send: (conditions) => call.send(waiting, conditions),
        worthOf: (reply) => call.worthOf(reply),
      });
    this.#onLookup?.(found === undefined ? 'miss' : found.isStale ? 'stale' : 'hit');
    if (found === undefined) return this.#join(key, call, context, ask);
    // It belongs to nobody: no caller who leaves ends it.
    if (found.isStale)
      this.#flights.join(this.#flightOf(key, call), NOBODY, (left) => ask(toWaiting(left))).catch(() => {});
    return Promise.resolve(found.reply);
  }

  /** What began before something was changed is not what is asked for after it. */
  #flightOf(key: string, { method, path }: Question): string {
    const { clock, tags } = this.#outOfDate;
    const changedAt = method === 'GET' ? this.#changes.lastMarked([addressOf(path)]) : 0;
    return `${clock.lastMarked(tags)} ${changedAt} ${key}`;
  }

  /** Each waits as long as it may; the call goes on by the connector's time while anybody waits. */
  #join(
    key: string,
    question: Question,
    context: Waiting,
    start: (waiting: Waiting) => Promise<R>,
  ): Promise<R> {
    const work = this.#flights.join(this.#flightOf(key, question), context.cancellation, (left) => {
      return start({ ...toWaiting(left), ...(context.onCall && { onCall: context.onCall }) });
    });
    const toError = () =>
      new UpstreamError('UPSTREAM_TIMEOUT', this.#name, { internal: 'no answer in time to a call of many' });
    return waitFor(work, context.deadlineAt - performance.now(), context.cancellation, toError);
  }
}

const NOBODY = new Cancellation();

function toWaiting(cancellation: Cancellation): Waiting {
  return { cancellation, deadlineAt: Number.POSITIVE_INFINITY };
}

/** Holds credentials, so it is a hash. */
function keyOf({ method, path, headers, body }: Question & Pick<SharedCall<Reply>, 'body'>): string {
  const counted = Object.entries(headers).filter(([name]) => !OF_THE_REQUEST.has(name));
  const text = typeof body === 'object' ? body.toString('latin1') : body;
  return hash('sha256', JSON.stringify([method, path, counted.sort(byName), text ?? null]), 'base64url');
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}

/** What answers say of limits: `RateLimit-Policy`, `RateLimit` and `Retry-After`, as draft-ietf-httpapi-ratelimit-headers has them. */
import type { LimitState, Reservation } from '../store/limit-store.ts';
import type { Charge } from './charge.ts';
import { type Limit, MOST_TOLD } from './limit.ts';

type Headers = Readonly<Record<string, string>>;

/** Limits that are told of at most: headers have to fit into what proxies take. The tightest come first. */
const MAX_TOLD = 20;

/** Undefined where there is nothing that callers are told of. */
export function limitHeaders({ limits }: Charge, { admitted, states }: Reservation): Headers | undefined {
  const { told, policy } = toldOf(limits);
  if (told.length === 0) return undefined;
  const retryAfterMs = admitted ? undefined : longestRetryMs(states);
  const headers =
    told.length <= MAX_TOLD
      ? { 'ratelimit-policy': policy, ratelimit: leftOf(told, limits, states) }
      : tightest(told, limits, states);
  return retryAfterMs === undefined
    ? headers
    : { ...headers, 'retry-after': String(Math.max(1, toSeconds(retryAfterMs))) };
}

/** What callers are told of limits: of which ones, by their indexes, and their policies as a header. */
interface Told {
  readonly told: readonly number[];
  readonly policy: string;
}

const toldBefore = new WeakMap<readonly Limit[], Told>();

/** Most requests of a caller draw on the same list. */
function toldOf(limits: readonly Limit[]): Told {
  const known = toldBefore.get(limits);
  if (known !== undefined) return known;
  const told = [...limits.keys()].filter((index) => !limits[index]!.shadow);
  const made = { told, policy: told.map((index) => limits[index]!.policy).join(', ') };
  toldBefore.set(limits, made);
  return made;
}

function tightest(told: readonly number[], limits: readonly Limit[], states: readonly LimitState[]): Headers {
  const few = told.toSorted((a, b) => shareOf(states[a]!) - shareOf(states[b]!)).slice(0, MAX_TOLD);
  return {
    'ratelimit-policy': few.map((index) => limits[index]!.policy).join(', '),
    ratelimit: leftOf(few, limits, states),
  };
}

function leftOf(told: readonly number[], limits: readonly Limit[], states: readonly LimitState[]): string {
  let text = '';
  for (const index of told) {
    const { remaining, resetMs } = states[index]!;
    const item = `"${limits[index]!.shownName}";r=${wholeOf(remaining)};t=${toSeconds(resetMs)}`;
    text = text === '' ? item : `${text}, ${item}`;
  }
  return text;
}

/** What has to pass until all limits would let it in; undefined where one never will. */
function longestRetryMs(states: readonly LimitState[]): number | undefined {
  let longest = 0;
  for (const { admitted, demand, retryAfterMs } of states)
    if (!admitted && demand.shadow !== true) longest = Math.max(longest, retryAfterMs);
  return longest === Number.POSITIVE_INFINITY ? undefined : longest;
}

/** Two answers in one response: each limit by the answer that left less of it. */
export const JOINED: Readonly<Record<string, (one: string, other: string) => string>> = {
  'ratelimit-policy': (one, other) => [...new Set([...one.split(', '), ...other.split(', ')])].join(', '),
  ratelimit: tighter,
  'retry-after': (one, other) => String(Math.max(Number(one), Number(other))),
};

const ITEM = /"([^"]*)";r=(\d+);t=(\d+)/g;

function tighter(one: string, other: string): string {
  const items = new Map<string, { readonly text: string; readonly remaining: number }>();
  for (const [text, name = '', remaining] of `${one}, ${other}`.matchAll(ITEM)) {
    const known = items.get(name);
    if (known === undefined || Number(remaining) <= known.remaining)
      items.set(name, { text, remaining: Number(remaining) });
  }
  return [...items.values()].map(({ text }) => text).join(', ');
}

function shareOf({ remaining, demand }: LimitState): number {
  return remaining / demand.rule.limit;
}

function wholeOf(value: number): number {
  return Math.min(MOST_TOLD, Math.max(0, Math.floor(value)));
}

function toSeconds(ms: number): number {
  return Math.min(999_999_999, Math.ceil(ms / 1000));
}

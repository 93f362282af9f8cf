/** What answers say of limits: `RateLimit-Policy`, `RateLimit` and `Retry-After`, as draft-ietf-httpapi-ratelimit-headers has them. */
import type { LimitState, Reservation } from '../store/limit-store.ts';
import type { Charge } from './charge.ts';
import { MOST_TOLD } from './limit.ts';

type Headers = Readonly<Record<string, string>>;

/** Limits that are told of at most: headers have to fit into what proxies take. The tightest come first. */
const MAX_TOLD = 20;

/** Undefined where there is nothing that callers are told of. */
export function limitHeaders({ limits }: Charge, { admitted, states }: Reservation): Headers | undefined {
  const told = states.flatMap((state, index) =>
    limits[index]!.shadow ? [] : [{ state, limit: limits[index]! }],
  );
  if (told.length === 0) return undefined;
  if (told.length > MAX_TOLD) told.sort((a, b) => leftOf(a.state) - leftOf(b.state)).splice(MAX_TOLD);
  const retryAfterMs = admitted ? undefined : longestRetryMs(states);
  return {
    'ratelimit-policy': told.map(({ limit }) => limit.policy).join(', '),
    ratelimit: told
      .map(
        ({ limit, state }) => `"${limit.name}";r=${wholeOf(state.remaining)};t=${toSeconds(state.resetMs)}`,
      )
      .join(', '),
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, toSeconds(retryAfterMs))) }),
  };
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

function leftOf({ remaining, demand }: LimitState): number {
  return remaining / demand.rule.limit;
}

function wholeOf(value: number): number {
  return Math.min(MOST_TOLD, Math.max(0, Math.floor(value)));
}

function toSeconds(ms: number): number {
  return Math.min(999_999_999, Math.ceil(ms / 1000));
}

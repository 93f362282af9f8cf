/** Why a request is refused, as callers read it. */
import { HemError } from '../errors.ts';
import type { LimitState, Reservation } from '../store/limit-store.ts';
import type { Charge } from './charge.ts';
import type { Limit } from './limit.ts';

/** Of draft-ietf-httpapi-ratelimit-headers. */
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

/** By the limit that takes longest. LIMIT_EXCEEDED, or COST_EXCEEDED for what is more than a limit ever gives. */
export function refusedBy({ limits }: Charge, { states }: Reservation): HemError {
  const violated = states.flatMap((state, index) =>
    state.admitted || limits[index]!.shadow ? [] : [{ state, limit: limits[index]! }],
  );
  const [first] = violated.sort((a, b) => b.state.retryAfterMs - a.state.retryAfterMs);
  const { limit, state } = first!;
  const details = {
    type: QUOTA_EXCEEDED,
    'violated-policies': [...new Set(violated.map((one) => one.limit.shownName))],
    limit: describe(limit, state),
  };
  if (state.retryAfterMs === Number.POSITIVE_INFINITY)
    return new HemError('COST_EXCEEDED', {
      publicText: `This asks for ${state.demand.amount} of ${named(limit)}, which never gives more than ${atOnce(limit)} at once: ask for less.`,
      publicDetails: details,
    });
  return new HemError('LIMIT_EXCEEDED', {
    publicText: `Nothing is left of ${named(limit)} for the time being: try again in ${inWords(state.retryAfterMs)}.`,
    publicDetails: details,
  });
}

function describe(limit: Limit, { remaining, resetMs, retryAfterMs }: LimitState) {
  const { shownName, unit, by, rule, coordinate, policy } = limit;
  return {
    name: shownName,
    unit,
    by,
    limit: rule.limit,
    policy,
    remaining,
    resetMs,
    retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : null,
    ...(coordinate === undefined ? {} : { coordinate }),
  };
}

function named({ shownName, coordinate, text }: Limit): string {
  return coordinate === undefined
    ? `the limit "${shownName}" (${text})`
    : `the quota of ${coordinate} (${text})`;
}

function atOnce({ rule }: Limit): number {
  return rule.burst ?? rule.limit;
}

function inWords(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}

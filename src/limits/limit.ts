/** A limit made ready to be asked for: what settings and `@quota` say, as a rule of the store. */

import type { Quota } from '../load/directives/quota.ts';
import { algorithmOf, type LimitSettings, type PERIODS } from '../load/settings/limit-settings.ts';
import type { LimitRule } from '../store/limit-store.ts';

export interface Limit {
  /** What operators call it. */
  readonly name: string;
  /** Whose it is: `hem`, `client:web`, `plan:trial`, … */
  readonly scope: string;
  /** What callers call it. */
  readonly shownName: string;
  readonly unit: LimitSettings['unit'];
  readonly rule: LimitRule;
  readonly by: LimitSettings['by'];
  readonly claim: string | undefined;
  readonly shadow: boolean;
  /** How long a request may be held back; 0 refuses at once. */
  readonly delayMs: number;
  /** The field of the caller's schema that it is of, if it is a field's. */
  readonly coordinate: string | undefined;
  /** Its item in `RateLimit-Policy`. */
  readonly policy: string;
  /** For people: `100 requests per 1m`. */
  readonly text: string;
}

/** @param scope whose limits they are: part of the name in the store, so that others of the same name are other limits */
export function toLimits(settings: readonly LimitSettings[], scope: string): readonly Limit[] {
  return settings.map((one) => toLimit(one, scope));
}

/** An operation that runs ends by its deadline; what lives longer is a subscription, and keeps its lease alive. */
const LEASE_MS = 60_000;

function toLimit(settings: LimitSettings, scope: string): Limit {
  const { name, unit, limit, per, burst, by, claim, shadow, delay = 0, onStoreLoss } = settings;
  const algorithm = algorithmOf(settings);
  const rule: LimitRule = {
    name: `${scope}:${name}`,
    algorithm,
    limit,
    ...(algorithm === 'quota' ? { period: per as Period } : {}),
    ...(algorithm === 'rate' || algorithm === 'rolling' ? { windowMs: per as number } : {}),
    ...(algorithm === 'rate' ? { burst: burst ?? limit } : {}),
    ...(algorithm === 'concurrency' ? { leaseMs: LEASE_MS } : {}),
    onStoreLoss,
  };
  return made({
    ...{ name, scope, shownName: name, unit, rule, by, claim, shadow },
    ...{ delayMs: delay, coordinate: undefined },
  });
}

/** Limits of one caller, where several have one name: `plan/burst` and `client/burst`. Of shadows no caller knows. */
export function toldApart(limits: readonly Limit[]): readonly Limit[] {
  const told = limits.filter(({ shadow }) => !shadow).map(({ name }) => name);
  return limits.map((limit) => {
    const { name, scope, shadow } = limit;
    const isOneOfSeveral = !shadow && told.indexOf(name) !== told.lastIndexOf(name);
    return isOneOfSeveral ? made({ ...limit, shownName: `${scope.split(':', 1)[0]}/${name}` }) : limit;
  });
}

const quotas = new WeakMap<Quota, Map<string, Limit>>();

/** A quota, and the field that is asked for: both as callers call them in their own schema. */
interface QuotaOfField {
  readonly quota: Quota;
  readonly coordinate: string;
  readonly shownName: string;
}

/** The same for the same quota and name. */
export function toLimitOfField({ quota, coordinate, shownName }: QuotaOfField): Limit {
  const known = quotas.get(quota)?.get(shownName);
  if (known !== undefined) return known;
  const { scope, index, limit, window, by, claim } = quota;
  const rule: LimitRule = {
    name: `${scope}:${quota.coordinate}:${index}`,
    limit,
    ...(typeof window === 'number'
      ? { algorithm: 'rolling', windowMs: window }
      : { algorithm: 'quota', period: window }),
    onStoreLoss: 'limit',
  };
  const limitOfField = made({
    ...{ name: quota.name, scope, shownName, unit: 'requests', rule, by, claim },
    ...{ shadow: false, delayMs: 0, coordinate },
  });
  const ofQuota = quotas.get(quota) ?? new Map<string, Limit>();
  quotas.set(quota, ofQuota.set(shownName, limitOfField));
  return limitOfField;
}

/** Structured fields have integers of 15 digits. */
export const MOST_TOLD = 999_999_999_999_999;

type Period = (typeof PERIODS)[number];

const SECONDS = { minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 } as const;

/** What units are called in `RateLimit-Policy`, where they are not requests. */
const HEADER_UNITS = {
  requests: '',
  cost: ';qu="cost"',
  bytes: ';qu="content-bytes"',
  concurrent: ';qu="concurrent-requests"',
  events: ';qu="events"',
} as const satisfies Record<LimitSettings['unit'], string>;

const UNIT_TEXTS = {
  requests: 'requests',
  cost: 'cost',
  bytes: 'bytes',
  concurrent: 'requests at the same time',
  events: 'events',
} as const satisfies Record<LimitSettings['unit'], string>;

function made(limit: Omit<Limit, 'policy' | 'text'>): Limit {
  const { shownName, unit, rule } = limit;
  const { period, windowMs } = rule;
  const seconds =
    period !== undefined
      ? SECONDS[period]
      : windowMs === undefined
        ? undefined
        : Math.max(1, Math.round(windowMs / 1000));
  const window = seconds === undefined ? '' : `;w=${seconds}`;
  const per = period ?? (windowMs === undefined ? undefined : `${windowMs / 1000} s`);
  return {
    ...limit,
    policy: `"${shownName}";q=${Math.min(rule.limit, MOST_TOLD)}${window}${HEADER_UNITS[unit]}`,
    text: `${rule.limit} ${UNIT_TEXTS[unit]}${per === undefined ? '' : ` per ${per}`}`,
  };
}

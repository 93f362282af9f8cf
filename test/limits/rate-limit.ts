/** The headers about limits, read as structured fields. */
import { parseList } from 'structured-headers';

export interface ReadLimit {
  readonly quota?: number;
  readonly window?: number;
  readonly unit?: string;
  readonly remaining?: number;
  readonly reset?: number;
}

/** By the limit's name, from both headers. @throws when one is no structured field, or they do not name the same limits */
export function readLimits(headers: Headers): Readonly<Record<string, ReadLimit>> {
  const policies = parametersOf(headers.get('ratelimit-policy'));
  const states = parametersOf(headers.get('ratelimit'));
  if (JSON.stringify([...policies.keys()]) !== JSON.stringify([...states.keys()]))
    throw new Error(`${[...policies.keys()]} are not ${[...states.keys()]}`);
  return Object.fromEntries(
    [...policies].map(([name, { q, w, qu }]) => {
      const { r, t } = states.get(name)!;
      const read = { quota: q, window: w, unit: qu, remaining: r, reset: t };
      return [name, Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined))];
    }),
  );
}

function parametersOf(header: string | null): Map<string, Record<string, unknown>> {
  return new Map(
    parseList(header ?? '').map(([name, parameters]) => [String(name), Object.fromEntries(parameters)]),
  );
}

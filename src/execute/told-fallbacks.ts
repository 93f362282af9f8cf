/** `extensions.fallbacks`: what stood in for failed backends, each once, however many objects it stood in. */
import type { FallbackTrace } from './execution.ts';

export interface ToldFallback extends FallbackTrace {
  /** How often, where that is more than once. */
  readonly count?: number;
}

export function toldFallbacks(fallbacks: readonly FallbackTrace[]): readonly ToldFallback[] {
  if (fallbacks.length === 1) return fallbacks;
  const alike = Map.groupBy(fallbacks, (trace) => JSON.stringify(trace));
  return [...alike.values()].map(([first, ...others]) =>
    others.length === 0 ? first! : { ...first!, count: others.length + 1 },
  );
}

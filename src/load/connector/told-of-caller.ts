/** What of its caller a connector's backend is told besides what templates read: its answers may depend on it. */
import { OF_THE_REQUEST } from '../../connectors/header-settings.ts';
import type { CommonSettings } from '../../connectors/settings.ts';

export interface ToldOfCaller {
  /** Lower-case names of headers that travel on. */
  readonly headers: readonly string[];
  /** Anything else of who calls: by its claims, its key, its address. */
  readonly more: boolean;
}

export function toldOfCaller(settings: CommonSettings): ToldOfCaller {
  const headers = settings.headers.forward.filter((name) => !OF_THE_REQUEST.has(name));
  const { identity } = settings;
  if (identity === 'forward') return { headers: [...headers, 'authorization'], more: false };
  // Templates, signed tokens and exchanged ones may say anything of who calls.
  return { headers, more: identity !== 'none' };
}

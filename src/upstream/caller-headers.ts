/** By which headers a backend knows which single caller it answers. */
import type { CommonSettings } from '../connectors/settings.ts';
import { parseTemplate, referencesOf } from '../mapping/template.ts';
import { rootOf } from '../mapping/values.ts';

/** Forwarded, they say who calls. */
const CREDENTIALS = ['authorization', 'cookie'];
/** Many callers have the same plan, and may have the same address. */
const OF_MANY: ReadonlySet<string> = new Set(['plan', 'address']);

/** Lower-case names. A call without any of them is one of an unknown caller. */
export function callerHeaders({
  headers: { forward },
  identity,
}: Pick<CommonSettings, 'headers' | 'identity'>): readonly string[] {
  const forwarded = CREDENTIALS.filter((name) => forward.includes(name));
  if (identity === 'none') return forwarded;
  if (identity === 'forward' || 'exchange' in identity) return [...forwarded, 'authorization'];
  if ('token' in identity) return [...forwarded, identity.token.header.toLowerCase()];
  const naming = Object.entries(identity.headers).filter(([, template]) =>
    referencesOf(parseTemplate(template)).some(
      (reference) => reference.source === 'claims' || !OF_MANY.has(rootOf(reference)),
    ),
  );
  return [...forwarded, ...naming.map(([name]) => name.toLowerCase())];
}

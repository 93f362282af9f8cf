/** Headers that a binding fills from arguments, beside those that say who calls. */

import { identityHeadersOf } from './identity-settings.ts';
import type { ConnectorSource, FieldToBind } from './kind.ts';

/** Reports a header that `identity` writes: from an argument, callers would say themselves who they are. @param at of its name */
export function checkNoIdentity(
  name: string,
  at: readonly (string | number)[],
  field: FieldToBind,
  { settings }: Pick<ConnectorSource<unknown>, 'settings'>,
): void {
  if (!identityHeadersOf(settings.identity).includes(name.toLowerCase())) return;
  const problem = {
    rule: 'identity-header',
    message: '"identity" of connector.yml says in this header who calls.',
    found: JSON.stringify(name),
    hint: 'take another name, or leave it to "identity"',
  };
  field.report(problem, at);
}

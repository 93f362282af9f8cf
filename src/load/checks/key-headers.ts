/** Checks that keys arrive in the headers of which clients take them: what says who calls is taken away from what callers send. */
import { identityHeadersOf } from '../../connectors/identity-settings.ts';
import type { Problems } from '../../problems.ts';
import type { Client } from '../client.ts';
import type { Connector } from '../model.ts';

export function checkKeyHeaders(
  clients: readonly Client[],
  connectors: readonly Connector[],
  problems: Problems,
): void {
  for (const { auth } of clients) {
    // Of `authorization` it is said elsewhere.
    if (auth?.keys === undefined || auth.keys.header === 'authorization') continue;
    const { header, place } = auth.keys;
    const teller = connectors.find(({ settings }) => identityHeadersOf(settings.identity).includes(header));
    if (teller === undefined) continue;
    problems.report({
      rule: 'auth-header',
      at: place,
      message: `In this header "identity" of the connector "${teller.name}" says who calls, so no caller may send it: no key in it would arrive.`,
      found: header,
      expected: 'a header of its own, such as x-api-key',
    });
  }
}

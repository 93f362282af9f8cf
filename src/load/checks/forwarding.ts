/** Checks `headers.forward` of connectors against what hem.yml says of proxies: what is never believed can never travel on. */
import type { Problems } from '../../problems.ts';
import type { Connector } from '../model.ts';
import { PROXY_HEADERS, type ProxyHeader } from '../settings/listener-settings.ts';
import type { HemSettings } from '../settings/settings.ts';

/** These say too much for one text: `identity` tells what is in them. */
const UNFOLDED: readonly string[] = ['forwarded', 'x-forwarded-client-cert'] satisfies ProxyHeader[];

export function checkForwarding(
  { trustedProxies }: HemSettings,
  connectors: readonly Connector[],
  problems: Problems,
): void {
  const believed: readonly string[] = trustedProxies.addresses.length > 0 ? trustedProxies.headers : [];
  for (const { settings, yaml } of connectors) {
    for (const [index, name] of settings.headers.forward.entries()) {
      const isUnfolded = UNFOLDED.includes(name);
      if (!isUnfolded && (believed.includes(name) || !PROXY_HEADERS.some((header) => header === name)))
        continue;
      problems.report({
        rule: 'forward-unbelieved',
        at: yaml.placeOf(['headers', 'forward', index]),
        message: isUnfolded
          ? 'This header does not travel on: anything may stand in what came from further away.'
          : 'Any caller could write this header, so it counts from trusted proxies only, and none of them writes it.',
        found: yaml.shown(['headers', 'forward', index], name),
        expected: isUnfolded
          ? undefined
          : `in hem.yml "trustedProxies: { addresses: […], headers: [${name}] }"`,
        hint: isUnfolded
          ? 'identity: { headers: { x-caller: "{address}" } } tells the address, "{spiffe}" and "{subject}" the certificate'
          : 'the address of whoever calls is in identity: { headers: { x-caller: "{address}" } }',
      });
    }
  }
}

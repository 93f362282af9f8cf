/** Whose a limit is, for one caller. */
import { isIPv6 } from 'node:net';
import type { Principal } from '../principal/principal.ts';
import type { Limit } from './limit.ts';

export interface Caller {
  readonly client: string;
  readonly address?: string | undefined;
  readonly principal?: Principal | undefined;
}

/** Who has no key, or not the claim, is known by the address. */
export function partitionOf({ by, claim }: Pick<Limit, 'by' | 'claim'>, caller: Caller): string {
  const { client, principal } = caller;
  switch (by) {
    case 'client':
      return `client:${client}`;
    case 'consumer':
      if (principal?.key !== undefined) return `consumer:${principal.key.consumer}`;
      break;
    case 'key':
      if (principal?.key !== undefined) return `key:${principal.key.id}`;
      break;
    case 'claim': {
      const value = claimOf(claim, principal);
      if (value !== undefined) return `claim:${value}`;
      break;
    }
    case 'ip':
  }
  return `ip:${caller.address === undefined ? '' : networkOf(caller.address)}`;
}

/** Only what is one value says who somebody is. */
function claimOf(claim: string | undefined, principal: Principal | undefined): string | undefined {
  if (claim === undefined || principal === undefined || !Object.hasOwn(principal.claims, claim))
    return undefined;
  const value = principal.claims[claim];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : undefined;
}

/** Whoever has one IPv6 address has all of its /64. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  // An IPv4 address at the end stands for two groups.
  const given = first.length + last.length + (plain.includes('.') ? 1 : 0);
  const missing = tail === undefined ? 0 : 8 - given;
  const groups = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** What proxies write of who called them: `X-Forwarded-For`, `Forwarded` (RFC 7239), and the grammar that it shares with others. */
import { isIP, SocketAddress } from 'node:net';

/** Names in lower case, in their order. */
export type Pairs = ReadonlyArray<readonly [name: string, value: string]>;

/** More is no chain of proxies. */
const MAX_HOPS = 100;

/**
 * `a=1;b="x", a=2`: one list of pairs for each hop; quoted values without their quotes, backslashes as they stand. Undefined for what
 * is not of this grammar.
 */
export function parseHops(text: string): readonly Pairs[] | undefined {
  const hops: Array<Array<readonly [string, string]>> = [[]];
  // A name, a quoted or plain value, and what comes after it. Sticky, so that nothing is skipped or read twice.
  const pair = /[ \t]*([!#$%&'*+.^_`|~\w-]{1,64})=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))[ \t]*([,;]|$)/y;
  while (pair.lastIndex < text.length) {
    const [, name, quoted, plain = '', end] = pair.exec(text) ?? [];
    if (name === undefined) return undefined;
    hops.at(-1)!.push([name.toLowerCase(), quoted ?? plain]);
    if (end === ',') hops.push([]);
    if (end === '') break;
    if (hops.length > MAX_HOPS) return undefined;
  }
  return hops.at(-1)!.length === 0 ? undefined : hops;
}

/** Whom each hop names as its caller, the nearest hop last: undefined for one that says nothing that can be read. */
export function addressesOf(
  header: 'x-forwarded-for' | 'forwarded',
  text: string,
): readonly (string | undefined)[] {
  if (header === 'x-forwarded-for') return text.split(',').slice(-MAX_HOPS).map(toAddress);
  return (parseHops(text) ?? [[]]).map((hop) => {
    const [value, ...others] = valuesOf(hop, 'for');
    return value === undefined || others.length > 0 ? undefined : toAddress(value.replace(/\\(.)/g, '$1'));
  });
}

export function valuesOf(pairs: Pairs, name: string): readonly string[] {
  return pairs.flatMap(([candidate, value]) => (candidate === name ? [value] : []));
}

/** Longer is no address, even with a port. */
const MAX_CHARACTERS = 64;

/** An address in its one form, without brackets and port. Undefined for names, "unknown", and garbage. */
export function toAddress(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.length > MAX_CHARACTERS) return undefined;
  const [, inner, bracketed] = /^(?:\[([^\]]*)\]|([^:]*(?::[^:]*:.*)?))(?::\d{1,5})?$/s.exec(trimmed) ?? [];
  return canonical(inner ?? bracketed ?? '');
}

/** IPv4 inside of IPv6 is IPv4: sockets that listen to both have all IPv4 callers so. */
export function canonical(address: string): string | undefined {
  const family = isIP(address);
  if (family === 4) return address;
  if (family === 0 || address.includes('%')) return undefined;
  const text = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  return mapped ?? text;
}

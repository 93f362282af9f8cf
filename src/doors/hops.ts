/**
 * Who sends a request, by the connection it came on and what trusted proxies say. What nobody may say of himself does not exist: such
 * headers are taken away before anything else reads them.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIPv6, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  PASSED_HEADERS,
  PROXY_HEADERS,
  type ProxyHeader,
  READ_HEADERS,
  type ReadHeader,
  type TrustedProxies,
} from '../load/settings/listener-settings.ts';
import { type Peer, peerOfCertificate } from '../principal/peer.ts';
import { peerOfHeader } from './client-certificate-header.ts';
import { addressesOf, canonical, parseHops, valuesOf } from './forwarded.ts';

/** Who sends a request, as far as the way it came says so. */
export interface Sender {
  /** The same object for all that comes on one connection. */
  readonly connection: object;
  readonly address: string | undefined;
  /** The client certificate, where there is one that verifies. */
  readonly peer: Peer | undefined;
  /** Whether it is known to have been sent over TLS: of what came through a proxy, that is the proxy's to say. */
  readonly isSecure: boolean;
}

/** The address of who sends it, as far as it is known: for the log. */
export function remoteOf(
  { address }: { readonly address?: string | undefined },
  { socket }: IncomingMessage,
): string | undefined {
  return address ?? socket.remoteAddress;
}

/** What is found out once per connection. */
interface Connection extends Sender {
  readonly isTrusted: boolean;
}

const CONNECTION = Symbol('connection');
type KnownSocket = Socket & { [CONNECTION]?: Connection };

export class Hops {
  readonly #trusted = new BlockList();
  readonly #read: readonly ReadHeader[];
  readonly #passed: readonly ProxyHeader[];
  /** Of every request. */
  readonly #stripped: ReadonlySet<string>;

  /** @param identityHeaders what connectors tell backends of callers: no caller may say it himself */
  constructor({ addresses, headers }: TrustedProxies, identityHeaders: readonly string[]) {
    this.#read = READ_HEADERS.filter((name) => headers.includes(name));
    this.#passed = PASSED_HEADERS.filter((name) => headers.includes(name));
    const names = new Set<string>([...PROXY_HEADERS, ...identityHeaders]);
    // It is checked before anybody believes it.
    names.delete('authorization');
    this.#stripped = names;
    for (const range of addresses) {
      const [address = '', prefix] = range.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /** Who sends it. From here on its headers say only what is believed. */
  receive(message: IncomingMessage): Sender {
    const { headers } = message;
    const socket = message.socket as KnownSocket;
    socket[CONNECTION] ??= this.#connectionOf(socket);
    const connection = socket[CONNECTION];
    if (!connection.isTrusted) {
      this.#strip(headers);
      return connection;
    }
    const said = pick(headers, this.#read);
    const passed = pick(headers, this.#passed);
    this.#strip(headers);
    Object.assign(headers, passed);
    const address = this.#callerOf(connection.address!, said);
    const { host, proto } = siteOf(said);
    const certificate = said['x-forwarded-client-cert'];
    const peer = certificate === undefined ? undefined : peerOfHeader(certificate);
    // What connectors forward of these is what is believed, and nothing that came from further away.
    if (address !== connection.address) headers['x-forwarded-for'] = address;
    if (host !== undefined) headers.host = host;
    if (proto !== undefined) headers['x-forwarded-proto'] = proto;
    return { connection: socket, address, peer, isSecure: proto === 'https' };
  }

  #strip(headers: IncomingHttpHeaders): void {
    for (const name in headers) if (this.#stripped.has(name)) delete headers[name];
  }

  #connectionOf(socket: Socket): Connection {
    const address = socket.remoteAddress === undefined ? undefined : canonical(socket.remoteAddress);
    const isTrusted = address !== undefined && this.#trusts(address);
    // The certificate of a proxy is the proxy's: it says nothing of those who call through it.
    const peer = isTrusted ? undefined : peerOfSocket(socket);
    return { connection: socket, address, isTrusted, peer, isSecure: socket instanceof TLSSocket };
  }

  #trusts(address: string): boolean {
    return this.#trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** The nearest hop that is no trusted proxy. Beyond it, and beyond what cannot be read, anybody may have written anything. */
  #callerOf(nearest: string, said: Said): string {
    // Two lists that both count could not be told from one that the caller has made up.
    const header = said['x-forwarded-for'] === undefined ? 'forwarded' : 'x-forwarded-for';
    const text = said[header];
    if (text === undefined) return nearest;
    let caller = nearest;
    for (const address of addressesOf(header, text).toReversed()) {
      if (address === undefined) return caller;
      caller = address;
      if (!this.#trusts(address)) return caller;
    }
    return caller;
  }
}

type Said = Readonly<Partial<Record<ReadHeader, string>>>;

/** Repeated ones are one text already: only some others come as lists. */
function pick<Name extends ProxyHeader>(
  headers: IncomingHttpHeaders,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const picked: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string') picked[name] = value;
  }
  return picked;
}

/** Undefined for one that did not verify. */
function peerOfSocket(socket: Socket): Peer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : peerOfCertificate(certificate);
}

const HOST = /^(?:[\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Which site the caller asked, as the nearest proxy says. */
function siteOf(said: Said): { readonly host: string | undefined; readonly proto: string | undefined } {
  const hop = said.forwarded === undefined ? undefined : parseHops(said.forwarded)?.at(-1);
  const last = (header: ReadHeader, name: string): string | undefined => {
    const text = said[header]?.split(',').at(-1)?.trim().toLowerCase();
    return text ?? (hop && valuesOf(hop, name)[0]?.toLowerCase());
  };
  const host = last('x-forwarded-host', 'host');
  const proto = last('x-forwarded-proto', 'proto');
  return {
    host: host !== undefined && HOST.test(host) ? host : undefined,
    proto: proto === 'http' || proto === 'https' ? proto : undefined,
  };
}

/** Why a certificate that was shown does not count; undefined where it does, or where there is none. */
export function refusalOf(socket: TLSSocket): string | undefined {
  if (socket.authorized || socket.getPeerX509Certificate() === undefined) return undefined;
  return String(socket.authorizationError);
}

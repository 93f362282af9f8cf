import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens on a free port of 127.0.0.1. @returns `http://host:port` */
export async function listen(server: Server): Promise<string> {
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

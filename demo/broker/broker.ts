/** An AMQP 0-9-1 broker in this process, for the demo only. See README.md beside this file. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { DemoServer, DemoServerOptions } from '../server.ts';
import { Host } from './host.ts';
import { LIMITS } from './limits.ts';
import { Session } from './session.ts';

/** Listens on 127.0.0.1. Disposing it drops its connections at once, as a crash would, and everything it kept is gone. */
export async function startBroker({ port }: DemoServerOptions): Promise<DemoServer> {
  const host = new Host();
  const sessions = new Set<Session>();
  const server = createServer((socket) => {
    const session = new Session(socket, host);
    sessions.add(session);
    socket.on('close', () => sessions.delete(session));
  });
  server.maxConnections = LIMITS.connections;
  server.listen({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  return {
    url: `amqp://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

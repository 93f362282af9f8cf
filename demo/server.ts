/** What every backend of the demo is to those who start it. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';

/** A running backend. Disposing it drops its connections at once, as a crash would. */
export interface DemoServer extends AsyncDisposable {
  readonly url: string;
}

export interface DemoServerOptions {
  /** On 127.0.0.1; 0 for any free one. */
  readonly port: number;
}

/** The port itself when it is free, else any free one. */
export async function choosePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const probe = createTcpServer();
    try {
      probe.listen({ port, host: '127.0.0.1' });
      await once(probe, 'listening');
      return (probe.address() as AddressInfo).port;
    } catch (error) {
      if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    } finally {
      probe.close();
    }
  }
  throw new Error('no free port');
}

/** Listens on 127.0.0.1. */
export async function listen(
  server: Server,
  { port }: DemoServerOptions,
): Promise<{ readonly authority: string } & AsyncDisposable> {
  server.listen({ port, host: '127.0.0.1' });
  await once(server, 'listening');
  return {
    authority: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** An HTTP server with timeouts that suit backends: nobody slow is waited for. */
export function createHttpServer(listener?: RequestListener): Server {
  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 30_000 }, listener);
}

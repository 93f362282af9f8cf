import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { listen } from '../../contenders/listen.ts';
import type { Addresses } from '../../workload.ts';
import { ridesOf, toWire } from '../rides.ts';

interface Request {
  readonly id: number;
  readonly params: { readonly rider: string };
}

export async function startBackends(): Promise<{ addresses: Addresses }> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: '/rpc', perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const { id, params } = JSON.parse(String(data)) as Request;
      const result = { rides: ridesOf(params.rider).map(toWire) };
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  const origin = await listen(server);
  return { addresses: { RIDES_URL: `${origin.replace('http', 'ws')}/rpc` } };
}

import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Addresses } from '../../workload.ts';
import { fromWire, type Rides, type WireRide } from '../rides.ts';

interface Answer {
  readonly id: number;
  readonly result?: { readonly rides: WireRide[] };
  readonly error?: { readonly message: string };
}

/** JSON-RPC 2.0 on `ws`, all calls over one connection. */
export async function openRides(addresses: Addresses): Promise<Rides> {
  const socket = new WebSocket(addresses.RIDES_URL!, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.on('message', (data: Buffer) => {
    const answer = JSON.parse(data.toString('utf8')) as Answer;
    waiting.get(answer.id)?.(answer);
  });
  let count = 0;
  return (riderId) =>
    new Promise((resolve, reject) => {
      const id = ++count;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error('no answer in time'));
      }, 5000);
      waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        waiting.delete(id);
        if (result === undefined) reject(new Error(error?.message));
        else resolve(result.rides.map(fromWire));
      });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'rides.list', params: { rider: riderId } }));
    });
}

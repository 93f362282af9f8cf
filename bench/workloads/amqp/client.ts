import { connect } from 'amqplib';
import type { Addresses } from '../../workload.ts';
import { fromWire, type Rides, type WireRide } from '../rides.ts';

const REPLY_TO = 'amq.rabbitmq.reply-to';

/** amqplib with direct reply-to, without Nagle's algorithm. */
export async function openRides(addresses: Addresses): Promise<Rides> {
  const connection = await connect(addresses.RIDES_URL!, { timeout: 2000, noDelay: true });
  const channel = await connection.createChannel();
  const waiting = new Map<string, (content: Buffer) => void>();
  await channel.consume(
    REPLY_TO,
    (message) => {
      if (message !== null) waiting.get(message.properties.correlationId as string)?.(message.content);
    },
    { noAck: true },
  );
  let count = 0;
  return (riderId) =>
    new Promise((resolve, reject) => {
      const id = String(++count);
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error('no reply in time'));
      }, 5000);
      waiting.set(id, (content) => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve((JSON.parse(content.toString('utf8')) as { rides: WireRide[] }).rides.map(fromWire));
      });
      channel.publish('', 'hem-bench.rides', Buffer.from(JSON.stringify({ rider: riderId })), {
        correlationId: id,
        replyTo: REPLY_TO,
        contentType: 'application/json',
        expiration: 5000,
      });
    });
}

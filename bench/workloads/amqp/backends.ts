/** A consumer that replies, on RabbitMQ where one answers, else on the demo's broker. */
import { type ChannelModel, connect } from 'amqplib';
import { startBroker } from '../../../demo/broker/broker.ts';
import type { Addresses } from '../../workload.ts';
import { ridesOf, toWire } from '../rides.ts';

export const QUEUE = 'hem-bench.rides';
const RABBITMQ = process.env.HEM_BENCH_AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

export async function startBackends(): Promise<{ addresses: Addresses; note: string }> {
  const real = await open(RABBITMQ).catch(() => undefined);
  const url = real === undefined ? (await startBroker({ port: 0 })).url : RABBITMQ;
  const connection = real ?? (await open(url));
  const channel = await connection.createChannel();
  await channel.prefetch(100);
  // It goes with its last consumer.
  await channel.assertQueue(QUEUE, { durable: false, autoDelete: true });
  await channel.consume(QUEUE, (message) => {
    if (message === null) return;
    const { rider } = JSON.parse(message.content.toString('utf8')) as { rider: string };
    const reply = Buffer.from(JSON.stringify({ rides: ridesOf(rider).map(toWire) }));
    const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
    channel.sendToQueue(replyTo, reply, { correlationId, contentType: 'application/json' });
    channel.ack(message);
  });
  const product = String(connection.connection.serverProperties.product);
  return { addresses: { RIDES_URL: url }, note: `broker: ${real === undefined ? "the demo's" : product}` };
}

function open(url: string): Promise<ChannelModel> {
  return connect(url, { timeout: 2000, noDelay: true });
}

/** The demo's broker beside RabbitMQ: the same cases, the same outcome. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startBroker } from '../../demo/broker/broker.ts';
import type { DemoServer } from '../../demo/server.ts';
import { AMQP_CASES, BrokerUnderTest } from '../support/amqp-cases.ts';

let demo: DemoServer;

beforeAll(async () => {
  demo = await startBroker({ port: 0 });
});

afterAll(() => demo[Symbol.asyncDispose]());

const BROKERS = {
  RabbitMQ: () => process.env.HEM_TEST_AMQP_URL ?? '',
  'the demo’s broker': () => demo.url,
};

describe.each(Object.entries(BROKERS))('%s', (_name, urlOf) => {
  test.each(AMQP_CASES)('$name', async ({ run }) => {
    await using broker = new BrokerUnderTest(urlOf());
    await run(broker);
  });
});

/** Global setup of the tests: Redis, RabbitMQ and etcd, in HEM_TEST_REDIS_URL, HEM_TEST_AMQP_URL and HEM_TEST_ETCD_URL. */
import { ensureServices } from './services/ensure.ts';

export default async function setup(): Promise<() => Promise<void>> {
  const services = await ensureServices({ ports: 'own', print: console.log }).catch((error: Error) => {
    // Its text says what to do; where it was thrown helps nobody.
    error.stack = error.message;
    throw error;
  });
  return async () => services[Symbol.asyncDispose]();
}

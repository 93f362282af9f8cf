import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** `bench.v1.Rides`, with the settings that most would choose. */
export function loadService(): ServiceDefinition {
  const proto = fileURLToPath(new URL('./hem/connectors/rides/rides.proto', import.meta.url));
  const definition = loadSync(proto, { longs: String, enums: String, oneofs: true, defaults: true });
  return definition['bench.v1.Rides'] as ServiceDefinition;
}

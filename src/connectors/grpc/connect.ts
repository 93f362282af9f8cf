/** One channel for unary calls, a call per element of a batch; others for streams, one per subscription. */
import { problemsOf, toOutcomes } from '../batch.ts';
import type { Connection, ConnectionSetup } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import { Calls } from './calls.ts';
import { Connecting, openClient } from './channel.ts';
import { toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { StreamChannels } from './stream-channels.ts';
import { openStream } from './subscription.ts';

export function connect(setup: ConnectionSetup<GrpcOptions>): Connection<GrpcBinding> {
  const { name, settings } = setup;
  const client = openClient(setup);
  const connecting = new Connecting(name, client.getChannel(), settings.timeouts.connectMs);
  const calls = new Calls(setup, client, connecting);
  const channels = new StreamChannels(setup);
  return {
    compile: (binding) =>
      binding.mode === 'unary'
        ? {
            mode: 'unary',
            call: (batch, context, onOutcome) =>
              toOutcomes(setup, batch, (values) => calls.ask(binding, values, context), onOutcome),
            problemWith: problemsOf(name, (values) => [
              binding.encode(values),
              toMetadata({}, binding.metadata, values),
            ]),
          }
        : {
            mode: 'stream',
            open: (values, context) => openStream({ setup, channels, binding, values, context }),
          },
    async [Symbol.asyncDispose]() {
      client.close();
      channels.close();
    },
  };
}

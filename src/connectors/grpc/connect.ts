/** One channel per connector; a unary call per element of a batch, or a stream per subscription. */
import { type Metadata, status as Status } from '@grpc/grpc-js';
import type { Values } from '../../mapping/values.ts';
import { toOutcomes } from '../batch.ts';
import type { CallContext, Connection, ConnectionSetup } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import { Connecting, openClient } from './channel.ts';
import { asIs, toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { timedOut, toStatusError, unreadable } from './status.ts';
import { openStream } from './subscription.ts';

export function connect(setup: ConnectionSetup<GrpcOptions>): Connection<GrpcBinding> {
  const { name, headers } = setup;
  const { requestMs, connectMs } = setup.settings.timeouts;
  const client = openClient(setup);
  const connecting = new Connecting(name, client.getChannel(), connectMs);

  async function send(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    const endsAt = Math.min(performance.now() + requestMs, context.deadlineAt);
    const request = binding.encode(values);
    const given = headers.of(context);
    const metadata = toMetadata(given instanceof Promise ? await given : given, binding.metadata, values);
    if (!connecting.isReady) await connecting.wait(endsAt - performance.now(), context.signal);
    const limitMs = endsAt - performance.now();
    if (context.signal.aborted || limitMs <= 0) throw timedOut(name);
    context.onCall?.();
    return callOnce(binding, request, metadata, context.signal, limitMs);
  }

  function callOnce(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    signal: AbortSignal,
    limitMs: number,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + limitMs;
      const call = client.makeUnaryRequest(
        binding.path,
        asIs,
        asIs,
        request,
        metadata,
        { deadline },
        (error, bytes) => {
          signal.removeEventListener('abort', cancel);
          if (error !== null) {
            if (error.code === Status.NOT_FOUND && binding.missingIsNull) return resolve(null);
            if (error.code === Status.UNAUTHENTICATED) headers.denied();
            return reject(toStatusError(name, error, binding.answers, signal.aborted));
          }
          try {
            resolve(binding.decode(bytes!));
          } catch (cause) {
            reject(unreadable(name, cause));
          }
        },
      );
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  return {
    compile: (binding) =>
      binding.mode === 'unary'
        ? {
            mode: 'unary',
            call: (batch, context) => toOutcomes(name, batch, (values) => send(binding, values, context)),
          }
        : {
            mode: 'stream',
            open: (values, context) => openStream({ setup, client, connecting, binding, values, context }),
          },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

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

  function send(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    const endsAt = Math.min(performance.now() + requestMs, context.deadlineAt);
    const request = binding.encode(values);
    const given = headers.of(context);
    // Both are there nearly always, and waiting for what is there has its price.
    if (!(given instanceof Promise) && connecting.isReady) {
      return callOnce(binding, request, toMetadata(given, binding.metadata, values), { context, endsAt });
    }
    return sendLater();

    async function sendLater(): Promise<unknown> {
      const metadata = toMetadata(await given, binding.metadata, values);
      if (!connecting.isReady) await connecting.wait(endsAt - performance.now(), context.cancellation);
      return callOnce(binding, request, metadata, { context, endsAt });
    }
  }

  function callOnce(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    { context, endsAt }: { readonly context: CallContext; readonly endsAt: number },
  ): Promise<unknown> {
    const { cancellation } = context;
    const limitMs = endsAt - performance.now();
    if (cancellation.isCancelled || limitMs <= 0) return Promise.reject(timedOut(name));
    context.onCall?.();
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
          cancellation.remove(cancel);
          if (error !== null) {
            if (error.code === Status.NOT_FOUND && binding.missingIsNull) return resolve(null);
            if (error.code === Status.UNAUTHENTICATED) headers.denied(context);
            return reject(toStatusError(name, error, binding.answers, cancellation.isCancelled));
          }
          try {
            resolve(binding.decode(bytes!));
          } catch (cause) {
            reject(unreadable(name, cause));
          }
        },
      );
      const cancel = () => call.cancel();
      cancellation.add(cancel);
    });
  }

  return {
    compile: (binding) =>
      binding.mode === 'unary'
        ? {
            mode: 'unary',
            call: (batch, context) => toOutcomes(setup, batch, (values) => send(binding, values, context)),
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

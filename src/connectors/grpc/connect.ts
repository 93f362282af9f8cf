/** One channel per connector; a unary call per element of a batch, or a stream per subscription. */
import { type Metadata, status as Status } from '@grpc/grpc-js';
import { isFailureOfBackend, type UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { Begun } from '../../upstream/breaker.ts';
import { toOutcomes } from '../batch.ts';
import type { CallContext, Connection, ConnectionSetup } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import { Connecting, openClient } from './channel.ts';
import { asIs, toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { timedOut, toStatusError, unreadable } from './status.ts';
import { openStream } from './subscription.ts';

interface Sent {
  readonly context: CallContext;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
  readonly begun: Begun;
  readonly hadTime: boolean;
}

export function connect(setup: ConnectionSetup<GrpcOptions>): Connection<GrpcBinding> {
  const { name, headers, breaker } = setup;
  const { requestMs, connectMs } = setup.settings.timeouts;
  const client = openClient(setup);
  const connecting = new Connecting(name, client.getChannel(), connectMs);

  function send(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    const now = performance.now();
    const endsAt = Math.min(now + requestMs, context.deadlineAt);
    const hadTime = endsAt - now >= requestMs / 2;
    const request = binding.encode(values);
    const given = headers.of(context);
    // Both are there nearly always, and waiting for what is there has its price.
    if (!(given instanceof Promise) && connecting.isReady) {
      const metadata = toMetadata(given, binding.metadata, values);
      const begun = breaker?.begin() ?? 0;
      if (typeof begun !== 'number') return Promise.reject(begun);
      return callOnce(binding, request, metadata, { context, endsAt, begun, hadTime });
    }
    return sendLater();

    async function sendLater(): Promise<unknown> {
      const metadata = toMetadata(await given, binding.metadata, values);
      const begun = breaker?.begin() ?? 0;
      if (typeof begun !== 'number') throw begun;
      try {
        if (!connecting.isReady) await connecting.wait(endsAt - performance.now(), context.cancellation);
      } catch (error) {
        ended(begun, error, context, hadTime);
        throw error;
      }
      return callOnce(binding, request, metadata, { context, endsAt, begun, hadTime });
    }
  }

  /** A status that says nothing of the backend's health is an answer. */
  function ended(
    begun: Begun,
    error: unknown,
    { cancellation, deadlineAt }: CallContext,
    hadTime: boolean,
  ): void {
    const { code } = error as UpstreamError;
    if (!isFailureOfBackend(code)) breaker?.answered(begun);
    else breaker?.ended(begun, error, { cancellation, deadlineAt, hadTime });
  }

  function callOnce(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    { context, endsAt, begun, hadTime }: Sent,
  ): Promise<unknown> {
    const { cancellation } = context;
    const limitMs = endsAt - performance.now();
    if (cancellation.isCancelled || limitMs <= 0) {
      breaker?.gaveUp(begun);
      return Promise.reject(timedOut(name));
    }
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
            const failure = toStatusError(name, error, binding.answers, cancellation.isCancelled);
            ended(begun, failure, context, hadTime);
            if (error.code === Status.NOT_FOUND && binding.missingIsNull) return resolve(null);
            if (error.code === Status.UNAUTHENTICATED) headers.denied(context);
            return reject(failure);
          }
          breaker?.answered(begun);
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

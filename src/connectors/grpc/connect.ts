/** One channel per connector; a unary call per element of a batch, or a stream per subscription. */
import { type Metadata, type requestCallback, status as Status } from '@grpc/grpc-js';
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { Begun } from '../../upstream/breaker.ts';
import type { Reply } from '../../upstream/kept-replies.ts';
import { type SharedCall, SharedCalls } from '../../upstream/shared-calls.ts';
import { problemsOf, toOutcomes } from '../batch.ts';
import type { CallContext, Connection, ConnectionSetup } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import { Connecting, openClient } from './channel.ts';
import { asIs, toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { timedOut, toStatusError, unreadable } from './status.ts';
import { openStream } from './subscription.ts';

/** What others may get, too. */
interface GrpcReply extends Reply {
  /** The error where there is no such thing: what that means is for each to say who asked. */
  readonly message: Buffer | UpstreamError;
}

interface Sent {
  readonly context: CallContext;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
  readonly begun: Begun;
  readonly hadTime: boolean;
  /** Reads what came, with the metadata that came before it; without one it is decoded. */
  readonly read: ((came: GrpcReply['message'], initial: Metadata | undefined) => unknown) | undefined;
}

export function connect(setup: ConnectionSetup<GrpcOptions>): Connection<GrpcBinding> {
  const { name, headers, breaker } = setup;
  const { requestMs, connectMs } = setup.settings.timeouts;
  const client = openClient(setup);
  const connecting = new Connecting(name, client.getChannel(), connectMs);

  const shared = SharedCalls.of<GrpcReply>(setup);

  /** As one of many who ask the same. */
  async function share(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    const body = binding.encode(values);
    const given = await headers.of(context);
    const metadata = toMetadata(given, binding.metadata, values);
    const call: SharedCall<GrpcReply> = {
      method: 'POST',
      path: binding.path,
      headers: textsOf(metadata),
      body,
      send: (waiting) => begin(binding, body, metadata, context.forMany(waiting)),
      worthOf: ({ message }) =>
        message instanceof UpstreamError ? 'fleeting' : canBeRead(binding, message) ? 'good' : 'failure',
    };
    const { message } = await shared!.ask(call, context);
    if (!(message instanceof UpstreamError)) return decode(binding, message);
    if (binding.missingIsNull) return null;
    throw message;
  }

  async function begin(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    context: CallContext,
  ): Promise<GrpcReply> {
    const sent = { context, endsAt: performance.now() + requestMs, hadTime: true, read: toReply };
    return (await callSoon(binding, request, metadata, sent)) as GrpcReply;
  }

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
      return callOnce(binding, request, metadata, { context, endsAt, begun, hadTime, read: undefined });
    }
    return sendLater();

    async function sendLater(): Promise<unknown> {
      const metadata = toMetadata(await given, binding.metadata, values);
      return callSoon(binding, request, metadata, { context, endsAt, hadTime, read: undefined });
    }
  }

  /** Once there is a connection. */
  async function callSoon(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    sent: Omit<Sent, 'begun'>,
  ): Promise<unknown> {
    const { context, endsAt, hadTime } = sent;
    const begun = breaker?.begin() ?? 0;
    if (typeof begun !== 'number') throw begun;
    try {
      if (!connecting.isReady) await connecting.wait(endsAt - performance.now(), context.cancellation);
    } catch (error) {
      ended(error, { begun, context, hadTime });
      throw error;
    }
    return callOnce(binding, request, metadata, { ...sent, begun });
  }

  function ended(error: unknown, { begun, context, hadTime }: Omit<Sent, 'endsAt' | 'read'>): void {
    const { cancellation, deadlineAt } = context;
    breaker?.ended(begun, error, { cancellation, deadlineAt, hadTime });
  }

  function callOnce(
    binding: GrpcBinding,
    request: Buffer,
    metadata: Metadata,
    { context, endsAt, begun, hadTime, read }: Sent,
  ): Promise<unknown> {
    const { cancellation } = context;
    const limitMs = endsAt - performance.now();
    if (cancellation.isCancelled || limitMs < 1) {
      breaker?.gaveUp(begun);
      return Promise.reject(timedOut(name));
    }
    context.onCall?.();
    return new Promise((resolve, reject) => {
      // Not before the operation's own time is over, where that is what limits it: what comes after it in turn would begin yet.
      const deadline = Date.now() + limitMs + (endsAt < context.deadlineAt ? 0 : 2);
      const onAnswer: requestCallback<Buffer> = (error, bytes) => {
        cancellation.remove(cancel);
        if (error !== null) {
          const failure = toStatusError(name, error, binding.answers, cancellation.isCancelled);
          ended(failure, { begun, context, hadTime });
          if (error.code === Status.NOT_FOUND && read !== undefined) return resolve(read(failure, initial));
          if (error.code === Status.NOT_FOUND && binding.missingIsNull) return resolve(null);
          if (error.code === Status.UNAUTHENTICATED) headers.denied(context);
          return reject(failure);
        }
        breaker?.answered(begun);
        try {
          resolve(read === undefined ? decode(binding, bytes!) : read(bytes!, initial));
        } catch (failure) {
          reject(failure);
        }
      };
      const call = withoutStackTraces(() =>
        client.makeUnaryRequest(binding.path, asIs, asIs, request, metadata, { deadline }, onAnswer),
      );
      let initial: Metadata | undefined;
      if (read !== undefined)
        call.on('metadata', (came) => {
          initial = came;
        });
      const cancel = () => call.cancel();
      cancellation.add(cancel);
    });
  }

  /** @throws {UpstreamError} */
  function decode(binding: GrpcBinding, bytes: Buffer): unknown {
    try {
      return binding.decode(bytes);
    } catch (cause) {
      throw unreadable(name, cause);
    }
  }

  return {
    compile: (binding) =>
      binding.mode === 'unary'
        ? {
            mode: 'unary',
            call: (batch, context, onOutcome) => {
              const ask = shared !== undefined && binding.isRead ? share : send;
              return toOutcomes(setup, batch, (values) => ask(binding, values, context), onOutcome);
            },
            problemWith: problemsOf(name, (values) => [
              binding.encode(values),
              toMetadata({}, binding.metadata, values),
            ]),
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

/** grpc-js notes for every call where it was made, for errors that Hem tells in words of its own: a thirtieth of all that a call costs. */
function withoutStackTraces<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function canBeRead(binding: GrpcBinding, message: Buffer): boolean {
  try {
    binding.decode(message);
    return true;
  } catch {
    return false;
  }
}

/** Names by which a backend says how long an answer counts, as over HTTP. */
const SAYING = ['cache-control', 'age', 'date', 'expires', 'vary'];

function toReply(message: GrpcReply['message'], initial: Metadata | undefined): GrpcReply {
  const said = SAYING.flatMap((name) => {
    const values = initial?.get(name) ?? [];
    return values.length === 0 ? [] : [[name, values.join(', ')] as const];
  });
  const [status, length] = message instanceof UpstreamError ? [404, 0] : [200, message.length];
  return { status, headers: Object.fromEntries(said), body: { length }, message };
}

/** What was sent, as far as it makes one call another than the next. */
function textsOf(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata.toHttp2Headers()).map(([name, value]) => [name, String(value)]),
  );
}

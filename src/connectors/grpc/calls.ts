/** Unary calls over the connector's channel, each alone or as one of many who ask the same. */
import { type Client, type Metadata, type requestCallback, status as Status } from '@grpc/grpc-js';
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { Begun } from '../../upstream/breaker.ts';
import { SharedCalls } from '../../upstream/shared-calls.ts';
import type { CallContext, ConnectionSetup } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import type { Connecting } from './channel.ts';
import { asIs, toMetadata } from './metadata.ts';
import type { GrpcOptions } from './options.ts';
import { type GrpcReply, textsOf, toReply } from './reply.ts';
import { timedOut, toStatusError, unreadable } from './status.ts';

/** What is sent. */
interface Question {
  readonly binding: GrpcBinding;
  readonly request: Buffer;
  readonly metadata: Metadata;
  readonly context: CallContext;
  /** When it must have been answered, on the clock of `performance.now()`. */
  readonly endsAt: number;
  /** Whether that is as long as backends may take. */
  readonly hadTime: boolean;
  /** Reads what came, with the metadata that came before it; without one it is decoded. */
  readonly read: ((came: GrpcReply['message'], initial: Metadata | undefined) => unknown) | undefined;
}

export class Calls {
  readonly #setup: ConnectionSetup<GrpcOptions>;
  readonly #client: Client;
  readonly #connecting: Connecting;
  readonly #shared: SharedCalls<GrpcReply> | undefined;

  constructor(setup: ConnectionSetup<GrpcOptions>, client: Client, connecting: Connecting) {
    this.#setup = setup;
    this.#client = client;
    this.#connecting = connecting;
    this.#shared = SharedCalls.of<GrpcReply>(setup);
  }

  /** @throws {HemError} */
  ask(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    return this.#shared !== undefined && binding.isRead
      ? this.#share(this.#shared, binding, values, context)
      : this.#send(binding, values, context);
  }

  async #share(
    shared: SharedCalls<GrpcReply>,
    binding: GrpcBinding,
    values: Values,
    context: CallContext,
  ): Promise<unknown> {
    const request = binding.encode(values);
    const given = await this.#setup.headers.of(context);
    const metadata = toMetadata(given, binding.metadata, values);
    const { message } = await shared.ask(
      {
        method: 'POST',
        path: binding.path,
        headers: textsOf(metadata),
        body: request,
        send: async (waiting) => {
          const endsAt = performance.now() + this.#setup.settings.timeouts.requestMs;
          const many = { context: context.forMany(waiting), endsAt, hadTime: true, read: toReply };
          return (await this.#sendOnceConnected({ binding, request, metadata, ...many })) as GrpcReply;
        },
        worthOf: ({ message }) =>
          message instanceof UpstreamError ? 'fleeting' : canBeRead(binding, message) ? 'good' : 'failure',
      },
      context,
    );
    if (!(message instanceof UpstreamError)) return this.#decode(binding, message);
    if (binding.missingIsNull) return null;
    throw message;
  }

  #send(binding: GrpcBinding, values: Values, context: CallContext): Promise<unknown> {
    const { headers, breaker, settings } = this.#setup;
    const { requestMs } = settings.timeouts;
    const now = performance.now();
    const endsAt = Math.min(now + requestMs, context.deadlineAt);
    const hadTime = endsAt - now >= requestMs / 2;
    const request = binding.encode(values);
    const given = headers.of(context);
    const ask = (metadata: Metadata): Question => {
      return { binding, request, metadata, context, endsAt, hadTime, read: undefined };
    };
    // Both are there nearly always, and waiting for what is there has its price.
    if (given instanceof Promise || !this.#connecting.isReady)
      return Promise.resolve(given).then((came) =>
        this.#sendOnceConnected(ask(toMetadata(came, binding.metadata, values))),
      );
    const metadata = toMetadata(given, binding.metadata, values);
    const begun = breaker?.begin() ?? 0;
    return typeof begun === 'number' ? this.#sendNow(ask(metadata), begun) : Promise.reject(begun);
  }

  async #sendOnceConnected(question: Question): Promise<unknown> {
    const { context, endsAt } = question;
    const begun = this.#setup.breaker?.begin() ?? 0;
    if (typeof begun !== 'number') throw begun;
    try {
      const connecting = this.#connecting;
      if (!connecting.isReady) await connecting.wait(endsAt - performance.now(), context.cancellation);
    } catch (error) {
      this.#ended(question, begun, error);
      throw error;
    }
    return this.#sendNow(question, begun);
  }

  #sendNow(question: Question, begun: Begun): Promise<unknown> {
    const { binding, request, metadata, context, endsAt, read } = question;
    const { name, headers, breaker } = this.#setup;
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
          this.#ended(question, begun, failure);
          if (error.code === Status.NOT_FOUND && read !== undefined) return resolve(read(failure, initial));
          if (error.code === Status.NOT_FOUND && binding.missingIsNull) return resolve(null);
          if (error.code === Status.UNAUTHENTICATED) headers.denied(context);
          return reject(failure);
        }
        breaker?.answered(begun);
        try {
          resolve(read === undefined ? this.#decode(binding, bytes!) : read(bytes!, initial));
        } catch (failure) {
          reject(failure);
        }
      };
      const call = withoutStackTraces(() =>
        this.#client.makeUnaryRequest(binding.path, asIs, asIs, request, metadata, { deadline }, onAnswer),
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

  #ended({ context, hadTime }: Question, begun: Begun, error: unknown): void {
    const { cancellation, deadlineAt } = context;
    this.#setup.breaker?.ended(begun, error, { cancellation, deadlineAt, hadTime });
  }

  /** @throws {UpstreamError} */
  #decode(binding: GrpcBinding, bytes: Buffer): unknown {
    try {
      return binding.decode(bytes);
    } catch (cause) {
      throw unreadable(this.#setup.name, cause);
    }
  }
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

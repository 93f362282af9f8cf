/** Puts the connection, the calls and the topics of one connector together. */
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import { Drops } from '../../upstream/drops.ts';
import { parseNumbersLosslessly } from '../../upstream/json.ts';
import type { Reply } from '../../upstream/kept-replies.ts';
import { type SharedCall, SharedCalls } from '../../upstream/shared-calls.ts';
import { Subscriber } from '../../upstream/subscriber.ts';
import { toOutcomes, toUpstreamError } from '../batch.ts';
import type { CallContext, CompiledCall, Connection, ConnectionSetup } from '../kind.ts';
import type { CallBinding, TopicBinding, WebsocketBinding } from './bind.ts';
import { Calls } from './calls.ts';
import { Link, type LinkOwner } from './link.ts';
import { toSpec, type WebsocketSpec } from './load.ts';
import type { WebsocketOptions } from './options.ts';
import type { Message, WriteRequest } from './protocol.ts';
import { Subscriptions } from './subscriptions.ts';

type DropReason = 'message-unreadable' | 'reply-unexpected' | 'event-unexpected';

export function connect(setup: ConnectionSetup<WebsocketOptions>): Connection<WebsocketBinding> {
  const spec = toSpec(setup.name, setup.options, (at, { message }) => {
    throw new Error(`${at.join('.')}: ${message}`);
  });
  if (spec === undefined) throw new Error('options that were not checked');
  return new WebsocketConnection(setup, spec);
}

function isMissing(error: Error): boolean {
  return error instanceof UpstreamError && error.code === 'UPSTREAM_NOT_FOUND';
}

/** What others may get, too. Replies have no headers. */
class SharedReply implements Reply {
  readonly status = 200;
  readonly headers = {};
  /** The error where there is no such thing: what that means is for each to say who asked. */
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }

  /** Read where it is to be kept. */
  get body(): { readonly length: number } {
    return { length: Buffer.byteLength(JSON.stringify(this.value)) };
  }
}

class WebsocketConnection implements Connection<WebsocketBinding>, LinkOwner {
  readonly #setup: ConnectionSetup<WebsocketOptions>;
  readonly #spec: WebsocketSpec;
  readonly #link: Link;
  readonly #shared: SharedCalls<SharedReply> | undefined;
  readonly #calls: Calls;
  readonly #subscriptions: Subscriptions | undefined;
  readonly #drops: Drops<DropReason>;

  constructor(setup: ConnectionSetup<WebsocketOptions>, spec: WebsocketSpec) {
    this.#setup = setup;
    this.#drops = new Drops(setup.log);
    this.#spec = spec;
    this.#shared = SharedCalls.of(setup);
    this.#link = new Link(setup, spec.heartbeat, this);
    this.#calls = new Calls(setup, spec.protocol, this.#link);
    this.#subscriptions =
      spec.feed &&
      new Subscriptions(setup, spec.protocol, spec.feed, { calls: this.#calls, link: this.#link });
  }

  compile(binding: WebsocketBinding): CompiledCall {
    if (binding.kind === 'topic') {
      return { mode: 'stream', open: (values, context) => this.#subscribe(binding, values, context) };
    }
    const write = this.#spec.protocol.toRequest(binding.method);
    if (this.#shared !== undefined && binding.isRead) {
      const share = (values: Values, context: CallContext) => this.#share(binding, write, values, context);
      return {
        mode: 'unary',
        call: (batch, context, onOutcome) =>
          toOutcomes(this.#setup, batch, (values) => share(values, context), onOutcome),
      };
    }
    const { callsAtOnce } = this.#setup.settings.limits;
    const ask = async (values: Values, context: CallContext) => {
      const [outcome] = await this.#calls.exchange(binding, write, { batch: [values] }, context);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    };
    return {
      mode: 'unary',
      call: (batch, context, onOutcome) =>
        // All callers share the connection: nobody's long list may take all of it.
        batch.length > callsAtOnce
          ? toOutcomes(this.#setup, batch, (values) => ask(values, context), onOutcome)
          : this.#calls.exchange(binding, write, { batch, onOutcome }, context),
    };
  }

  /** As one of many who ask the same. */
  async #share(
    binding: CallBinding,
    write: WriteRequest,
    values: Values,
    context: CallContext,
  ): Promise<unknown> {
    const call: SharedCall<SharedReply> = {
      method: 'POST',
      path: binding.method,
      headers: {},
      body: JSON.stringify(binding.params(values)),
      send: async (waiting) => {
        const [outcome] = await this.#calls.exchange(
          { ...binding, missingIsNull: false },
          write,
          { batch: [values] },
          context.forMany(waiting),
        );
        if (outcome instanceof Error && !isMissing(outcome)) throw outcome;
        return new SharedReply(outcome);
      },
      worthOf: ({ value }) =>
        value === null || value === undefined || value instanceof Error ? 'fleeting' : 'good',
    };
    const { value } = await this.#shared!.ask(call, context);
    if (!(value instanceof Error)) return value;
    if (binding.missingIsNull) return null;
    throw value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#link[Symbol.asyncDispose]();
    this.#subscriptions?.abandon('all');
    this.#calls.lost(() => this.#link.failure());
    this.#calls.abandonWaiting();
    await closed;
  }

  wanted(): boolean {
    return this.#calls.hasWaiting || (this.#subscriptions !== undefined && this.#subscriptions.size > 0);
  }

  opened(): void {
    this.#subscriptions?.opened();
    this.#calls.opened();
  }

  lost(unreadable: boolean): void {
    this.#subscriptions?.lost();
    // With one request in flight it was its answer that could not be read; of several, nobody knows whose.
    const isCulprit = unreadable && this.#calls.inFlight === 1;
    this.#calls.lost(() => {
      const failure = this.#link.failure();
      if (!isCulprit) return failure;
      return new UpstreamError('UPSTREAM_INVALID', this.#setup.name, {
        internal: failure.message,
        cause: failure,
      });
    });
    this.#giveUpIfHopeless();
  }

  failed(): void {
    this.#giveUpIfHopeless();
  }

  received(text: string, bytes: number): boolean {
    let message: unknown;
    try {
      message = parseNumbersLosslessly(text);
    } catch {
      return this.#drop('message-unreadable');
    }
    if (!Array.isArray(message)) return this.#receive(message, bytes);
    let understood = false;
    const share = bytes / message.length;
    for (const element of message) understood = this.#receive(element, share) || understood;
    return understood;
  }

  #receive(message: unknown, bytes: number): boolean {
    if (typeof message !== 'object' || message === null) return this.#drop('message-unreadable');
    if (this.#calls.answered(message as Message)) return true;
    if (this.#subscriptions?.received(message as Message, bytes) === true) return true;
    const isAnswer = this.#spec.protocol.idOf(message as Message) !== undefined;
    return this.#drop(isAnswer ? 'reply-unexpected' : 'event-unexpected');
  }

  /** Late, repeated or never asked for: it concerns nobody. */
  #drop(reason: DropReason): false {
    this.#drops.count(reason);
    return false;
  }

  #giveUpIfHopeless(): void {
    if (this.#link.isHopeless) {
      this.#calls.abandonWaiting();
      this.#subscriptions?.abandon('new');
    }
    if (this.#link.attemptsAreOver) this.#subscriptions?.abandon('all');
  }

  #subscribe(binding: TopicBinding, values: Values, { signal }: CallContext): AsyncIterable<unknown> {
    try {
      return this.#subscriptions!.subscribe(binding.topic(values), binding.params(values), signal);
    } catch (error) {
      return Subscriber.failed(toUpstreamError(this.#setup.name, error));
    }
  }
}

/** Subscriptions over graphql-transport-ws: one socket for all subscribers that look alike to the backend. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { Cancellation } from '../../cancellation.ts';
import { UpstreamError } from '../../errors.ts';
import { type ErrorCodes, isOfCredentials } from '../../upstream/codes.ts';
import { Heartbeat } from '../../upstream/heartbeat.ts';
import { keepDigits } from '../../upstream/json.ts';
import { holdsMoreObjects, mayHoldMore, tooMany } from '../../upstream/many-objects.ts';
import { toTlsOptions } from '../../upstream/tls.ts';
import { toUpstreamError } from '../batch.ts';
import type { CallContext, ConnectionSetup } from '../kind.ts';
import { toAnswer } from './answer.ts';
import type { GraphqlOptions } from './options.ts';
import type { Ending, Subscribe } from './subscription.ts';

export interface TransportSetup extends ConnectionSetup<GraphqlOptions> {
  readonly codes: ErrorCodes;
}

export interface SubscriptionTransport extends AsyncDisposable {
  readonly subscribe: Subscribe;
}

export function openWebsocketTransport(setup: TransportSetup, url: string): SubscriptionTransport {
  const sockets = new Map<string, SharedSocket>();
  let isClosed = false;

  return {
    async subscribe(request, context, on) {
      if (isClosed) return { kind: 'complete' };
      let caller: Readonly<Record<string, string>>;
      try {
        caller = await setup.headers.ofCaller(context);
      } catch (error) {
        return { kind: 'lost', error: toUpstreamError(setup.name, error) };
      }
      if (isClosed || context.signal.aborted) return { kind: 'complete' };
      // Callers whose headers differ are different people to the backend: they never share a socket.
      const key = JSON.stringify(caller);
      let socket = sockets.get(key);
      if (socket === undefined || socket.isOver) {
        socket = new SharedSocket(setup, url, { caller, principal: context.principal });
        sockets.set(key, socket);
      }
      const ending = await socket.subscribe(request, context, on);
      if (socket.isOver && sockets.get(key) === socket) sockets.delete(key);
      return ending;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const socket of sockets.values()) socket.close();
      sockets.clear();
    },
  };
}

/** One websocket. When it ends, for whatever reason, it is over: another is made for the next subscriber. */
class SharedSocket {
  isOver = false;
  readonly #setup: TransportSetup;
  readonly #url: string;
  readonly #caller: Readonly<Record<string, string>>;
  readonly #principal: CallContext['principal'];
  readonly #leave = new Set<(ending: Ending) => void>();
  #client: Promise<Client> | undefined;
  #opened: Client | undefined;
  #isConnected = false;
  /** Of the frame that is being read. */
  #frameBytes = 0;
  readonly #whenConnected = new Set<() => void>();

  /** @param caller the headers of one of those who share it, and `principal`: to the backend they are all the same */
  constructor(
    setup: TransportSetup,
    url: string,
    { caller, principal }: { caller: Readonly<Record<string, string>>; principal: CallContext['principal'] },
  ) {
    this.#setup = setup;
    this.#url = url;
    this.#caller = caller;
    this.#principal = principal;
  }

  subscribe(...[request, { signal, carried }, on]: Parameters<Subscribe>): Promise<Ending> {
    return new Promise((resolve) => {
      let unsubscribe: (() => void) | undefined;
      const open = () => on.open();
      const leave = (ending: Ending) => {
        if (!this.#leave.delete(leave)) return;
        signal.removeEventListener('abort', onAbort);
        this.#whenConnected.delete(open);
        // The library closes its socket when the last subscription leaves; who comes after that gets a new one.
        if (this.#leave.size === 0) this.isOver = true;
        unsubscribe?.();
        resolve(ending);
      };
      const onAbort = () => leave({ kind: 'complete' });
      this.#leave.add(leave);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#client ??= this.#open();
      this.#client.then(
        (client) => {
          if (!this.#leave.has(leave)) return;
          if (this.#isConnected) open();
          else this.#whenConnected.add(open);
          // The socket is shared, so what tells of one caller's trace goes with the subscription.
          const asked = carried === undefined ? request : { ...request, extensions: carried };
          unsubscribe = client.subscribe(asked, {
            next: (result) => {
              const answer = toAnswer(this.#setup.codes, result);
              if (answer !== undefined) on.event(answer, this.#frameBytes);
              else leave(this.#refused('sent a result without data and errors'));
            },
            error: (cause) => leave(this.#toEnding(cause)),
            complete: () => leave({ kind: 'complete' }),
          });
        },
        (error: unknown) => leave({ kind: 'lost', error: toUpstreamError(this.#setup.name, error) }),
      );
    });
  }

  /** Ends all subscriptions and the socket at once. */
  close(): void {
    this.#end({ kind: 'complete' });
    this.#opened?.terminate();
  }

  #end(ending: Ending): void {
    this.isOver = true;
    for (const leave of [...this.#leave]) leave(ending);
  }

  async #open(): Promise<Client> {
    const { options, settings, headers: outgoing } = this.#setup;
    const limit = Cancellation.of(AbortSignal.timeout(settings.timeouts.requestMs));
    // Before the client is made, which cannot tell its subscribers when this fails.
    const headers = { ...this.#caller, ...(await outgoing.ofConnection(limit)) };
    const { heartbeat, init } = options.subscriptions;
    let pulse: Heartbeat | undefined;
    const client = createClient({
      url: this.#url,
      webSocketImpl: toWebSocketClass(this.#setup, headers, (frame) => this.#isReadable(frame)),
      connectionParams: { ...headers, ...init },
      connectionAckWaitTimeout: settings.timeouts.requestMs,
      // Connections are built anew by whoever lost them, who also tells of the gap.
      retryAttempts: 0,
      jsonMessageReviver: keepDigits,
      on: {
        connected: (socket) => {
          const { transport } = socket as BackendSocket;
          const ping = () => (socket as BackendSocket).send('{"type":"ping"}');
          pulse = new Heartbeat({ ping, transport, onSilence: () => client.terminate() }, heartbeat);
          this.#isConnected = true;
          for (const open of this.#whenConnected) open();
          this.#whenConnected.clear();
        },
        closed: (event) => {
          pulse?.stop();
          this.#end(this.#toEnding(event));
        },
        error: (cause) => this.#end(this.#toEnding(cause)),
      },
    });
    this.#opened = client;
    this.#setup.log.debug('opening a websocket for subscriptions');
    return client;
  }

  /** Before the library parses it. */
  #isReadable(frame: Buffer): boolean {
    this.#frameBytes = frame.length;
    const { responseObjects } = this.#setup.settings.limits;
    // Few frames are worth a copy.
    if (!mayHoldMore(frame.length, responseObjects)) return true;
    if (!holdsMoreObjects(frame.toString('latin1'), responseObjects)) return true;
    this.#end(this.#refused(`sent an event with ${tooMany(responseObjects)}`));
    return false;
  }

  #toEnding(cause: unknown): Ending {
    const { name, codes, headers } = this.#setup;
    // What the `error` message of the protocol carries: the backend's own errors about this subscription.
    if (Array.isArray(cause)) {
      const error = toAnswer(codes, { errors: cause })?.errors[0]?.error;
      if (error === undefined) return this.#refused('refused the subscription');
      if (isOfCredentials(error)) headers.denied({ principal: this.#principal });
      return { kind: 'refused', error };
    }
    const { code, reason, message, error } = cause as Partial<Record<string, unknown>>;
    const closeCode = typeof code === 'number' ? String(code) : undefined;
    const text = `${closeCode === undefined ? '' : `${closeCode} `}${String(reason ?? message ?? 'closed').slice(0, 200)}`;
    const status = closeCode ?? /response: (\d{3})$/.exec(text)?.[1];
    // Events hold on to their socket, and with it to its headers: no error may carry one.
    const options = {
      internal: text,
      status,
      cause: error instanceof Error ? error : cause instanceof Error ? cause : undefined,
    };
    if (status === '4401' || status === '4403' || status === '401' || status === '403') {
      headers.denied({ principal: this.#principal });
      return { kind: 'lost', error: new UpstreamError('UPSTREAM_DENIED', name, options) };
    }
    // Errors of the websocket library that carry this prefix are about frames: too large, or none.
    const isBadFrame = String((error as NodeJS.ErrnoException | undefined)?.code).startsWith('WS_ERR_');
    const speaksOtherwise =
      isBadFrame || (status === undefined ? cause instanceof Error : REFUSALS.has(status));
    return speaksOtherwise
      ? { kind: 'refused', error: new UpstreamError('UPSTREAM_INVALID', name, options) }
      : { kind: 'lost', error: new UpstreamError('UPSTREAM_UNAVAILABLE', name, options) };
  }

  #refused(internal: string): Ending {
    return { kind: 'refused', error: new UpstreamError('UPSTREAM_INVALID', this.#setup.name, { internal }) };
  }
}

/** Close codes that say one of the two does not speak the protocol, or that a message was too large. */
const REFUSALS = new Set(['1002', '1003', '1007', '1009', '4004', '4005', '4400', '4406']);

interface BackendSocket extends WebSocket {
  /** The socket below, once there is one. */
  readonly transport: Socket;
}

/** The library makes its sockets itself, and hands over neither options nor what it will read. @returns a class of `BackendSocket`s */
function toWebSocketClass(
  { settings }: TransportSetup,
  headers: Readonly<Record<string, string>>,
  isReadable: (frame: Buffer) => boolean,
): unknown {
  return class extends WebSocket {
    transport: Socket | undefined;

    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, {
        ...toTlsOptions(settings.tls),
        headers,
        handshakeTimeout: settings.timeouts.connectMs,
        maxPayload: settings.limits.responseBytes,
        perMessageDeflate: false,
        followRedirects: false,
      });
      this.once('upgrade', (response: IncomingMessage) => {
        this.transport = response.socket;
      });
    }

    /** What a socket tells its listeners, of which the library is one. */
    override emit(event: string | symbol, ...details: unknown[]): boolean {
      if (event !== 'message' || isReadable(details[0] as Buffer)) return super.emit(event, ...details);
      this.terminate();
      return false;
    }
  };
}

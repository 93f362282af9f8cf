/** The one connection of a connector: opened when first wanted, kept, and opened again with back-off when it is lost. */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { Cancellation } from '../../cancellation.ts';
import { UpstreamError } from '../../errors.ts';
import { Heartbeat } from '../../upstream/heartbeat.ts';
import { holdsMoreObjects, tooMany } from '../../upstream/many-objects.ts';
import { Attempts } from '../../upstream/reconnect.ts';
import { toStatusError } from '../../upstream/status.ts';
import { toTlsOptions } from '../../upstream/tls.ts';
import type { ConnectionSetup } from '../kind.ts';
import type { WebsocketOptions } from './options.ts';

export interface LinkOwner {
  /** Whether anything needs the connection right now. */
  wanted(): boolean;
  opened(): void;
  /**
   * The connection is gone, and with it every answer that had not come.
   * @param unreadable because of a frame that was too large or no websocket frame, or of too many objects
   */
  lost(unreadable: boolean): void;
  /** An attempt to open it failed. */
  failed(): void;
  /** @returns whether the message was understood */
  received(text: string, bytes: number): boolean;
}

/** After so many failed attempts in a row, calls fail at once until the next attempt is due. */
const FAIL_FAST_AFTER = 3;
/** A backend that lets so much wait unread is not asked for more. */
const MAX_UNREAD_BYTES = 16 * 1024 ** 2;
/** The largest size that ws can hold in its 32 bits. */
const MAX_PAYLOAD = 2 ** 31 - 1;
/** Close codes with which servers say that credentials are no longer good: RFC 6455 policy violation, IANA "Unauthorized", and 4401 by habit. */
const CREDENTIALS_REFUSED: ReadonlySet<number> = new Set([1008, 3000, 4401]);

export class Link implements AsyncDisposable {
  readonly #setup: ConnectionSetup<WebsocketOptions>;
  readonly #heartbeatMessage: string | undefined;
  readonly #owner: LinkOwner;
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle';
  #socket: WebSocket | undefined;
  /** The socket below, to write together what is sent together. */
  #transport: Socket | undefined;
  #isCorked = false;
  #heartbeat: Heartbeat | undefined;
  #connecting: Cancellation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #notBefore = 0;
  readonly #attempts: Attempts;
  #cause: UpstreamError | undefined;

  /** @param heartbeatMessage what to send instead of a ping frame */
  constructor(
    setup: ConnectionSetup<WebsocketOptions>,
    heartbeatMessage: string | undefined,
    owner: LinkOwner,
  ) {
    this.#setup = setup;
    this.#attempts = new Attempts(setup.options.reconnect);
    this.#heartbeatMessage = heartbeatMessage;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#state === 'open' && this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Whether there were as many attempts in vain, in a row, as subscriptions have patience for. */
  get attemptsAreOver(): boolean {
    return this.#attempts.areOver;
  }

  /** Whether waiting for the connection is in vain. */
  get isHopeless(): boolean {
    if (this.#state !== 'idle') return this.#state === 'closed';
    const waitMs = this.#notBefore - performance.now();
    return (
      (this.#attempts.inVain >= FAIL_FAST_AFTER && waitMs > 0) ||
      waitMs > this.#setup.settings.timeouts.connectMs
    );
  }

  /** Sees to it that there is a connection, now or when the back-off allows it. */
  want(): void {
    if (this.#state !== 'idle' || this.#retry !== undefined) return;
    const waitMs = this.#notBefore - performance.now();
    if (waitMs <= 0) {
      void this.#connect();
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (this.#state === 'idle' && this.#owner.wanted()) void this.#connect();
    }, Math.ceil(waitMs));
  }

  /** @returns false when the backend does not read what it was sent before */
  send(text: string): boolean {
    const socket = this.#socket!;
    if (socket.bufferedAmount > MAX_UNREAD_BYTES) return false;
    if (!this.#isCorked) this.#cork();
    socket.send(text);
    return true;
  }

  /** A system call per message is most of what a message costs: those of all requests that were there at once share one. */
  #cork(): void {
    const transport = this.#transport!;
    this.#isCorked = true;
    transport.cork();
    setImmediate(() => {
      if (this.#transport === transport) this.#isCorked = false;
      transport.uncork();
    });
  }

  /** A request had no answer in time: find out whether anybody is there. */
  probe(): void {
    this.#heartbeat?.probe();
  }

  /** Why there is no connection, as a new error. */
  failure(): UpstreamError {
    const { name } = this.#setup;
    const cause = this.#cause;
    if (this.#state === 'closed' || cause === undefined) {
      return new UpstreamError('UPSTREAM_UNAVAILABLE', name, {
        internal: this.#state === 'closed' ? 'the connector is closed' : 'there is no connection yet',
      });
    }
    return new UpstreamError(cause.code as 'UPSTREAM_UNAVAILABLE', name, {
      internal: cause.message,
      status: cause.status,
      cause,
    });
  }

  /** Why `send` took nothing. */
  unread(): UpstreamError {
    return this.#unavailable('does not read what it is sent');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#retry);
    this.#heartbeat?.stop();
    this.#connecting?.cancel();
    const socket = this.#socket;
    if (socket === undefined) return;
    // ws destroys the socket itself when the other side does not answer the close frame (closeTimeout).
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (socket.readyState === WebSocket.OPEN) socket.close(1000);
    else socket.terminate();
    await gone;
  }

  async #connect(): Promise<void> {
    this.#state = 'connecting';
    const connecting = new Cancellation();
    this.#connecting = connecting;
    // One timer over everything: a handshake timeout of ws starts anew with every byte and covers no name look-up.
    const timer = setTimeout(() => connecting.cancel(), this.#setup.settings.timeouts.connectMs);
    let socket: WebSocket;
    try {
      const headers = await this.#setup.headers.ofConnection(connecting);
      if (connecting.isCancelled) throw new Error('credentials came too late');
      socket = this.#open(headers);
    } catch (error) {
      clearTimeout(timer);
      this.#fail(error instanceof UpstreamError ? error : this.#unavailable('cannot connect', error));
      return;
    }
    this.#socket = socket;
    let why: UpstreamError | undefined;
    let isOpen = false;
    let unreadable = false;
    const { responseObjects } = this.#setup.settings.limits;
    connecting.add(() => {
      why ??= this.#unavailable('the handshake took too long');
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      why ??= toStatusError(this.#setup.name, { status, headers: {}, body: Buffer.alloc(0) });
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      unreadable = error.code?.startsWith('WS_ERR_') ?? false;
      why ??= this.#unavailable('the connection failed', error);
      // After a frame that cannot be read, nothing on this connection can.
      if (isOpen) socket.terminate();
    });
    socket.on('upgrade', (response) => {
      this.#transport = response.socket;
      this.#isCorked = false;
    });
    socket.on('open', () => {
      clearTimeout(timer);
      this.#connecting = undefined;
      isOpen = true;
      this.#attempts.opened();
      this.#opened(socket, () => {
        why ??= this.#unavailable('the heartbeat was not answered');
        socket.terminate();
      });
    });
    socket.on('message', (data: Buffer, isBinary) => {
      const text = isBinary && !isUtf8(data) ? '' : data.toString('utf8');
      if (holdsMoreObjects(text, responseObjects)) {
        unreadable = true;
        why ??= this.#unavailable(`a message with ${tooMany(responseObjects)}`);
        socket.terminate();
        return;
      }
      if (this.#owner.received(text, data.length)) this.#attempts.proved();
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      why ??= this.#unavailable(`the backend closed the connection with ${code}`);
      if (CREDENTIALS_REFUSED.has(code)) this.#setup.headers.denied();
      if (isOpen) this.#lose(why, unreadable);
      else this.#fail(why);
    });
  }

  /** @throws what ws says of options it cannot use */
  #open(headers: Record<string, string>): WebSocket {
    const { settings, options } = this.#setup;
    const clientOptions: ClientOptions & { closeTimeout: number } = {
      headers,
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: Math.min(settings.limits.responseBytes, MAX_PAYLOAD),
      closeTimeout: 1000,
      ...toTlsOptions(settings.tls),
    };
    return new WebSocket(settings.endpoint, options.subprotocols, clientOptions);
  }

  #opened(socket: WebSocket, onSilence: () => void): void {
    if (this.#state === 'closed') {
      socket.terminate();
      return;
    }
    this.#state = 'open';
    const { heartbeat } = this.#setup.options;
    if (heartbeat !== 'none') {
      const message = this.#heartbeatMessage;
      const ping = message === undefined ? () => socket.ping() : () => socket.send(message);
      this.#heartbeat = new Heartbeat({ ping, transport: this.#transport!, onSilence }, heartbeat);
    }
    this.#setup.log.info('connected');
    this.#owner.opened();
  }

  #fail(cause: UpstreamError): void {
    this.#socket = undefined;
    this.#connecting = undefined;
    if (cause.code === 'UPSTREAM_DENIED') this.#setup.headers.denied();
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    this.#backOff(cause);
    this.#setup.log.warn({ attempts: this.#attempts.inVain, err: cause }, 'cannot connect');
    this.#owner.failed();
    if (this.#owner.wanted()) this.want();
  }

  #lose(cause: UpstreamError, unreadable: boolean): void {
    this.#socket = undefined;
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    this.#backOff(cause);
    this.#setup.log.warn({ err: cause }, 'lost the connection');
    this.#owner.lost(unreadable);
    if (this.#owner.wanted()) this.want();
  }

  #backOff(cause: UpstreamError): void {
    this.#cause = cause;
    this.#notBefore = performance.now() + this.#attempts.ended();
  }

  #unavailable(internal: string, cause?: unknown): UpstreamError {
    return new UpstreamError('UPSTREAM_UNAVAILABLE', this.#setup.name, {
      internal: cause instanceof Error ? `${internal}: ${cause.message}` : internal,
      cause,
    });
  }
}

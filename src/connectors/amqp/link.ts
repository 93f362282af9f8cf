/**
 * One connection to the broker, made at first use and rebuilt with back-off when it is lost. amqplib has a recovery of its own;
 * it makes callers wait while there is no broker, and here they have to fail at once.
 */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelModel, connect, credentials, type Options, type SocketOptions } from 'amqplib';
import type { Logger } from 'pino';
import { Cancellation } from '../../cancellation.ts';
import type { UpstreamError } from '../../errors.ts';
import { hostOf } from '../../upstream/host-of.ts';
import { Attempts } from '../../upstream/reconnect.ts';
import { toTlsOptions } from '../../upstream/tls.ts';
import type { ConnectionSetup } from '../kind.ts';
import { isLoginRefused, lostConnection, toBrokerError } from './failures.ts';
import { Gate } from './gate.ts';
import type { AmqpOptions } from './options.ts';

/** A token must reach the broker before the old one expires; asking costs nothing while it is fresh. */
const TOKEN_CHECK_MS = 1000;
const CLOSE_MS = 1000;

export interface LinkEvents {
  /** Whether the connection is to be rebuilt although nobody waits for it. */
  wanted(): boolean;
  onOpen?(): void;
  /** There were as many attempts in vain, in a row, as the settings have patience for. */
  onGivingUp?(error: UpstreamError): void;
}

export class Link implements AsyncDisposable {
  readonly #setup: ConnectionSetup<AmqpOptions>;
  readonly #purpose: string;
  readonly #events: LinkEvents;
  readonly #log: Logger;
  #model: ChannelModel | undefined;
  #opening: Promise<ChannelModel> | undefined;
  /** Destroys the socket of the connection that is being made or in use. */
  #socket = new Cancellation();
  readonly #attempts: Attempts;
  /** Of the last attempt; undefined when it opened a connection. */
  #failure: UpstreamError | undefined;
  #retryAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** What the broker knows us by. */
  #authorization = '';
  #blocked: Gate | undefined;
  #isGathering = false;

  constructor(setup: ConnectionSetup<AmqpOptions>, purpose: string, events: LinkEvents) {
    this.#setup = setup;
    this.#purpose = purpose;
    this.#events = events;
    this.#attempts = new Attempts(setup.options.reconnect);
    this.#log = setup.log;
  }

  /**
   * The open connection. One that is being made, or was lost a moment ago, is waited for; after a failed attempt its failure is the
   * answer until the next one, and so is the loss of one that was lost again and again.
   * @throws {UpstreamError} UPSTREAM_UNAVAILABLE or UPSTREAM_DENIED
   */
  async open(): Promise<ChannelModel> {
    if (this.#closed) throw lostConnection(this.#setup.name, 'closed by the gateway');
    if (this.#model !== undefined) return this.#model;
    if (this.#opening !== undefined) return this.#opening;
    const delayMs = this.#retryAt - performance.now();
    if (delayMs > 0 && this.#failure !== undefined) throw this.#failure;
    return this.#attempt(Math.max(0, delayMs));
  }

  get isOpen(): boolean {
    return this.#model !== undefined;
  }

  /** Something came that the connection is for: it was not made in vain, however soon it is lost. */
  proved(): void {
    this.#attempts.proved();
  }

  /**
   * Messages that are written from now on leave together: a system call per message is much of what a message costs, and those of all
   * requests that were there at once share one. amqplib hands them to the socket in an immediate that comes after the next one.
   */
  gather(): void {
    if (this.#isGathering || this.#model === undefined) return;
    const { stream } = this.#model.connection as unknown as { readonly stream: Duplex };
    this.#isGathering = true;
    stream.cork();
    setImmediate(() =>
      setImmediate(() => {
        this.#isGathering = false;
        stream.uncork();
      }),
    );
  }

  /** Settles when the broker takes messages again. Undefined while it does. */
  get blocked(): Promise<void> | undefined {
    return this.#blocked?.passed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const model = this.#model;
    this.#model = undefined;
    if (model !== undefined) {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([model.close().catch(() => {}), limit]);
      clearTimeout(timer);
    }
    this.#socket.cancel();
    await this.#opening?.catch(() => {});
  }

  #attempt(delayMs: number): Promise<ChannelModel> {
    if (this.#opening !== undefined) return this.#opening;
    clearTimeout(this.#timer);
    this.#socket = new Cancellation();
    this.#opening = this.#connect(delayMs, this.#socket)
      .then(
        (model) => this.#opened(model),
        (cause: unknown) => this.#failed(cause),
      )
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  async #connect(delayMs: number, socket: Cancellation): Promise<ChannelModel> {
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: socket.signal });
    const { connectMs } = this.#setup.settings.timeouts;
    // amqplib's own timeout starts again with every byte; this one is for the whole of TCP, TLS and login.
    let late: Error | undefined;
    const timer = setTimeout(() => {
      late = new Error(`no connection within ${connectMs} ms`);
      socket.cancel();
    }, connectMs);
    try {
      const model = await connect(this.#address(), await this.#socketOptions(socket));
      if (this.#closed) throw new Error('closed by the gateway');
      return model;
    } catch (cause) {
      socket.cancel();
      throw late ?? cause;
    } finally {
      clearTimeout(timer);
    }
  }

  #address(): Options.Connect {
    const { settings, options } = this.#setup;
    const url = new URL(settings.endpoint);
    return {
      protocol: url.protocol.slice(0, -1),
      hostname: hostOf(url),
      port: url.port === '' ? undefined : Number(url.port),
      // Still encoded: amqplib decodes it.
      vhost: url.pathname.slice(1),
      heartbeat: options.heartbeat / 1000,
      channelMax: 0,
    };
  }

  async #socketOptions(socket: Cancellation): Promise<SocketOptions & { signal: AbortSignal }> {
    const { name, settings } = this.#setup;
    return {
      credentials: await this.#credentials(socket),
      noDelay: true,
      keepAlive: true,
      signal: socket.signal,
      clientProperties: { product: 'Hem', connection_name: `hem ${name} ${this.#purpose}` },
      ...toTlsOptions(settings.tls),
    };
  }

  async #credentials(socket: Cancellation) {
    const { settings, options } = this.#setup;
    if (options.login === 'EXTERNAL') return credentials.external();
    if (settings.auth !== 'none') {
      this.#authorization = (await this.#setup.headers.ofConnection(socket)).authorization ?? '';
      const { user, password } = toLogin(this.#authorization);
      return credentials.plain(user, password);
    }
    const url = new URL(settings.endpoint);
    if (url.username === '' && url.password === '') return credentials.plain('guest', 'guest');
    return credentials.plain(decodeURIComponent(url.username), decodeURIComponent(url.password));
  }

  #opened(model: ChannelModel): ChannelModel {
    this.#model = model;
    if (this.#failure !== undefined)
      this.#log.info({ purpose: this.#purpose }, 'connected to the broker again');
    this.#failure = undefined;
    this.#attempts.opened();
    const renewing = this.#renewToken(model);
    let failure: unknown = 'closed by the broker';
    model.on('error', (error) => {
      failure = error;
    });
    model.on('blocked', (reason) => this.#onBlocked(reason));
    model.on('unblocked', () => this.#onUnblocked());
    model.on('close', (cause) => {
      clearInterval(renewing);
      this.#onUnblocked();
      // amqplib only ends the socket, and a peer that hangs would keep it half open.
      this.#socket.cancel();
      this.#lost(cause ?? failure);
    });
    this.#events.onOpen?.();
    return model;
  }

  #lost(cause: unknown): void {
    if (this.#closed) return;
    this.#model = undefined;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#log.warn({ purpose: this.#purpose, cause: text }, 'lost the connection to the broker');
    const error = lostConnection(this.#setup.name, cause);
    this.#retry(error);
    // One that was lost is made again at once; who waits for one that never stays waits in vain.
    if (this.#attempts.inVain > 1) this.#failure = error;
  }

  #failed(cause: unknown): never {
    const error = toBrokerError(this.#setup.name, cause);
    if (this.#closed) throw error;
    if (isLoginRefused(cause)) this.#setup.headers.denied();
    this.#failure = error;
    this.#retry(error);
    const { inVain } = this.#attempts;
    this.#log.warn(
      { purpose: this.#purpose, failures: inVain, cause: error.message },
      'cannot connect to the broker',
    );
    throw error;
  }

  #retry(error: UpstreamError): void {
    const delayMs = this.#attempts.ended();
    if (this.#attempts.areOver) this.#events.onGivingUp?.(error);
    this.#retryAt = performance.now() + delayMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#events.wanted()) this.#attempt(0).catch(() => {});
    }, delayMs);
    this.#timer.unref();
  }

  /** An access token that was renewed goes to the broker over the open connection. */
  #renewToken(model: ChannelModel): NodeJS.Timeout | undefined {
    const { auth } = this.#setup.settings;
    if (auth === 'none' || !('oauth2' in auth)) return undefined;
    let isFailing = false;
    const timer = setInterval(async () => {
      try {
        const { authorization = '' } = await this.#setup.headers.ofConnection(this.#socket);
        isFailing = false;
        if (authorization === this.#authorization) return;
        this.#authorization = authorization;
        await model.updateSecret(Buffer.from(toLogin(authorization).password), 'renewed');
      } catch (error) {
        if (!isFailing)
          this.#log.warn({ cause: String(error) }, 'cannot renew the access token of the broker');
        isFailing = true;
      }
    }, TOKEN_CHECK_MS);
    timer.unref();
    return timer;
  }

  #onBlocked(reason: string): void {
    this.#log.warn({ purpose: this.#purpose, reason }, 'the broker takes no messages');
    this.#blocked ??= new Gate();
  }

  #onUnblocked(): void {
    this.#blocked?.open();
    this.#blocked = undefined;
  }
}

/** A token goes where the password would be; RabbitMQ reads the user's name out of it. */
function toLogin(authorization: string): { readonly user: string; readonly password: string } {
  const space = authorization.indexOf(' ');
  const value = authorization.slice(space + 1);
  if (authorization.slice(0, space).toLowerCase() !== 'basic') return { user: '', password: value };
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

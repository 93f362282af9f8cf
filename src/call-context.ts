/** What of a client's operation a backend call may know. */
import type { Cancellation } from './cancellation.ts';

/** Who asks, as far as backends may be told. */
export interface CallerIdentity {
  readonly kind: 'anonymous' | 'known';
  /** Frozen, and without prototypes. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly scopes: ReadonlySet<string>;
  /** `Date.now()` from which on it is nobody. */
  readonly expiresAt: number;
  /** Which application. */
  readonly key?: { readonly id: string; readonly consumer: string; readonly plan: string } | undefined;
  /** Which certificate. */
  readonly peer?:
    | {
        readonly spiffeId: string | undefined;
        readonly subject: string | undefined;
        readonly dnsNames: readonly string[];
        readonly fingerprint: string | undefined;
      }
    | undefined;
  /** The caller's own token, where some connector gets another one in exchange for it. */
  readonly token?: string | undefined;
}

/** Who asks, as a door knows it. */
export interface CallerFacts {
  readonly requestId: string;
  /** The address of who connected, or of whom a trusted proxy names. */
  readonly address?: string | undefined;
  /** Undefined where the client does not ask. */
  readonly principal?: CallerIdentity | undefined;
  /** Lower-case names; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Told of each call that leaves for a backend; there only when somebody has asked how an operation is executed. */
  readonly onCall?: () => void;
  /** Traces the calls of the operation; there only where operations are traced. */
  readonly tracing?: CallTracing | undefined;
}

/** An operation whose backend calls are traced. */
export interface CallTracing {
  begin(connector: string, coordinate: string): TracedCall;
}

export interface TracedCall {
  /** What tells the backend of the trace: lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** @param code of the error, if it failed */
  end(code?: string): void;
}

/**
 * Whether nobody waits for a call although there was time: the caller left, or the operation was answered without it. What such a call came
 * to says nothing about its backend. At its own deadline an operation is cancelled, too.
 *
 * @param now on the clock of `performance.now()`
 */
export function isAbandoned(
  { cancellation, deadlineAt }: Pick<CallContext, 'cancellation' | 'deadlineAt'>,
  now = performance.now(),
): boolean {
  return cancellation.isCancelled && now < deadlineAt;
}

const NO_SLOTS: readonly unknown[] = [];

export class CallContext {
  /** Cancelled at the operation's deadline, or when the caller leaves. */
  readonly cancellation: Cancellation;
  /** `performance.now()` at which the operation must have answered; Infinity for subscriptions. */
  readonly deadlineAt: number;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Values of arguments inside a selection. */
  readonly slots: readonly unknown[];
  /** Headers that tell the backend of the trace, where there is one. */
  readonly carried: Readonly<Record<string, string>> | undefined;
  /** Whether nothing may be given that was asked for before: whoever changes something reads the change. */
  readonly isFresh: boolean;
  readonly #facts: CallerFacts;

  constructor(
    facts: CallerFacts,
    cancellation: Cancellation,
    {
      deadlineAt,
      claims,
      slots = NO_SLOTS,
      carried,
      isFresh = false,
    }: Pick<CallContext, 'deadlineAt' | 'claims'> &
      Partial<Pick<CallContext, 'slots' | 'carried' | 'isFresh'>>,
  ) {
    this.#facts = facts;
    this.cancellation = cancellation;
    this.deadlineAt = deadlineAt;
    this.claims = claims;
    this.slots = slots;
    this.carried = carried;
    this.isFresh = isFresh;
  }

  get requestId(): string {
    return this.#facts.requestId;
  }

  /** The caller's headers; only a connector's allow-list may read them. Doors make them when they are first asked for. */
  get headers(): Readonly<Record<string, string>> {
    return this.#facts.headers;
  }

  get address(): string | undefined {
    return this.#facts.address;
  }

  /** Who asks; only what connector.yml says under `identity` may read it. */
  get principal(): CallerIdentity | undefined {
    return this.#facts.principal;
  }

  /** What a kind tells of each call that leaves for a backend, where somebody wants to know. */
  get onCall(): (() => void) | undefined {
    return this.#facts.onCall;
  }

  get tracing(): CallTracing | undefined {
    return this.#facts.tracing;
  }

  /** For libraries that take a signal. */
  get signal(): AbortSignal {
    return this.cancellation.signal;
  }

  /** The same for work that ends with something else. */
  endingWith(cancellation: Cancellation): CallContext {
    return new CallContext(this.#facts, cancellation, this);
  }

  /** The same for a call that others wait for, too: it has the time that they have, by the end of which nobody waits. */
  forMany({ cancellation, deadlineAt }: Pick<CallContext, 'cancellation' | 'deadlineAt'>): CallContext {
    return new CallContext(this.#facts, cancellation, { ...this, deadlineAt });
  }

  /** The same for a call that tells of its trace. */
  carrying(carried: Readonly<Record<string, string>>): CallContext {
    return new CallContext(this.#facts, this.cancellation, { ...this, carried });
  }

  /** The same for a call whose selection has arguments. */
  withSlots(slots: readonly unknown[]): CallContext {
    return slots.length === 0 ? this : new CallContext(this.#facts, this.cancellation, { ...this, slots });
  }
}

/** What of a client's operation a backend call may know. */
export interface CallContext {
  /** Aborts at the operation's deadline or when the caller leaves. */
  readonly signal: AbortSignal;
  /** `performance.now()` at which the operation must have answered; Infinity for subscriptions. */
  readonly deadlineAt: number;
  readonly requestId: string;
  /** The caller's headers, lower-cased; only a connector's allow-list may read them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Told of each call that leaves for a backend; there only when somebody has asked for a trace. */
  readonly onCall?: () => void;
  /** Values of arguments inside a selection. */
  readonly slots: readonly unknown[];
}

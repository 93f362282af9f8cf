/**
 * Says that work is to stop: its caller left, or its time is over. It does what an AbortSignal does without being an event target.
 * Nearly every operation ends uncancelled, and signals with their listeners would then be a tenth of what it costs.
 */
export class Cancellation {
  #cancelled = false;
  /** Few nearly always, and the last to come is the first to go: looked for from the end. */
  #listeners: Array<() => void> | undefined;
  #controller: AbortController | undefined;

  /** Follows a signal, and stays with it: for those that live no longer than one piece of work. */
  static of(signal: AbortSignal): Cancellation {
    const cancellation = new Cancellation();
    if (signal.aborted) cancellation.cancel();
    else signal.addEventListener('abort', () => cancellation.cancel(), { once: true });
    return cancellation;
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** For libraries that take one; made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Only the first time counts. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    this.#controller?.abort();
    for (const listener of listeners ?? []) listener();
  }

  /** Calls a listener once, when it is cancelled; never when that has happened already. */
  add(listener: () => void): void {
    if (this.#cancelled) return;
    if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  /** Too late once it is being cancelled: a listener that was removed then may still be called. */
  remove(listener: () => void): void {
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    const index = listeners.lastIndexOf(listener);
    if (index === -1) return;
    const last = listeners.pop()!;
    if (index < listeners.length) listeners[index] = last;
  }
}

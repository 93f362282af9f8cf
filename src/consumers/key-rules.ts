/** What new keys have to meet, and how those that are there look. */
import type { RecordWrite } from '../store/record-store.ts';
import type { Consumers } from './consumers.ts';
import { type KeyView, keyView, stateOf } from './key-view.ts';
import type { Key, Ledger } from './ledger.ts';
import type { PlanVersions } from './plan-versions.ts';
import { conflict, unfit } from './refusals.ts';
import type { Subscriptions } from './subscriptions.ts';

/** That count at the same time, of one consumer. */
const MAX_ACTIVE = 100_000;
/** Of one consumer that makes them itself. */
const MAX_OWN_ACTIVE = 50;
/** That ended; beyond it the oldest are forgotten. */
const MAX_ENDED = 500;

export interface KeyWish {
  readonly consumer: string;
  readonly plan: string;
  readonly environment?: 'live' | 'test' | undefined;
  readonly label?: string | undefined;
  /** All that the plan grants, unless given. */
  readonly clients?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
  /** For keys that stand in web pages: of which origins. */
  readonly origins?: readonly string[] | undefined;
}

export class KeyRules {
  readonly #ledger: Ledger;
  readonly #consumers: Consumers;
  readonly #plans: PlanVersions;
  readonly #subscriptions: Subscriptions;

  constructor(
    ledger: Ledger,
    parts: {
      readonly consumers: Consumers;
      readonly plans: PlanVersions;
      readonly subscriptions: Subscriptions;
    },
  ) {
    this.#ledger = ledger;
    this.#consumers = parts.consumers;
    this.#plans = parts.plans;
    this.#subscriptions = parts.subscriptions;
  }

  /** What every new key has. @param count how many are made so. @throws {HemError} NOT_FOUND, BAD_REQUEST, CONFLICT without an approved subscription */
  begin(wish: Omit<KeyWish, 'origins'>, by: 'operator' | 'consumer', count = 1) {
    const { consumer, plan, label, clients, expiresAt } = wish;
    const { suspendedAt } = this.#consumers.get(consumer);
    if (suspendedAt !== undefined) throw conflict(`The consumer "${consumer}" is suspended.`);
    this.#plans.known(plan);
    const [subscription, { state, planVersion } = {}] = this.#subscriptions.current(consumer, plan) ?? [];
    if (subscription === undefined || state !== 'approved')
      throw conflict(
        state === 'pending'
          ? `The subscription ${subscription} of "${consumer}" to "${plan}" waits for approval.`
          : `"${consumer}" has no subscription to "${plan}".`,
      );
    this.#plans.checkClients(plan, planVersion!, clients);
    const now = this.#ledger.now();
    if (expiresAt !== undefined && expiresAt <= now) throw unfit('A key cannot expire before it is made.');
    this.#checkRoom(consumer, mostOf(by), count);
    return {
      consumer,
      subscription,
      createdAt: now,
      ...(label === undefined ? {} : { label }),
      ...(clients === undefined ? {} : { clients }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }

  /** Who has all the keys that there may be can rotate each of them yet. @throws {HemError} CONFLICT when too many count meanwhile */
  checkRoomToRotate(consumer: string, by: 'operator' | 'consumer'): void {
    this.#checkRoom(consumer, 2 * mostOf(by), 1);
  }

  /** What ended long ago, where there is much of it. */
  forgotten(consumer: string): readonly RecordWrite[] {
    const ended = this.#ledger.keys
      .all()
      .filter(([, key]) => key.consumer === consumer && ['revoked', 'expired'].includes(this.stateOf(key)))
      .sort(([, a], [, b]) => a.createdAt - b.createdAt);
    return ended
      .slice(0, Math.max(0, ended.length - MAX_ENDED))
      .slice(0, 10)
      .map(([id, key]) => ({ ...this.#ledger.keys.put(id, key), value: undefined }));
  }

  /** @throws {HemError} NOT_FOUND */
  checkNames(filter: Parameters<Subscriptions['checkNames']>[0]): void {
    this.#subscriptions.checkNames(filter);
  }

  stateOf(key: Key): KeyView['state'] {
    return stateOf(key, {
      consumer: this.#ledger.consumers.get(key.consumer),
      subscription: this.#ledger.subscriptions.get(key.subscription),
      now: this.#ledger.now(),
    });
  }

  viewOf(id: string, key: Key, usedAt?: number): KeyView {
    const subscription = this.#ledger.subscriptions.get(key.subscription);
    return keyView(id, key, { subscription, state: this.stateOf(key), usedAt });
  }

  #checkRoom(consumer: string, most: number, count: number): void {
    const active = this.#ledger.keys
      .all()
      .filter(([, key]) => key.consumer === consumer && this.stateOf(key) === 'active');
    if (active.length + count <= most) return;
    throw conflict(
      `"${consumer}" has ${active.length} keys that count, of at most ${most}: revoke some before making others.`,
    );
  }
}

function mostOf(by: 'operator' | 'consumer'): number {
  return by === 'operator' ? MAX_ACTIVE : MAX_OWN_ACTIVE;
}

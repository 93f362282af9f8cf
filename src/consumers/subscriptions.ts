/** That a consumer may use a version of a plan: asked for, then approved by the plan's rule or by an operator. */
import type { Consumers } from './consumers.ts';
import { randomId } from './key-format.ts';
import type { Ledger, Subscription, SubscriptionState } from './ledger.ts';
import type { PlanVersions } from './plan-versions.ts';
import { conflict, notFound } from './refusals.ts';

export interface SubscriptionView {
  readonly id: string;
  readonly consumer: string;
  readonly plan: string;
  readonly planVersion: number;
  /** Not the same as the one above where it could be moved. */
  readonly newestVersion: number;
  readonly state: SubscriptionState;
  readonly createdAt: string;
  readonly decidedAt: string | null;
  readonly reason: string | null;
}

export interface SubscriptionFilter {
  readonly consumer?: string | undefined;
  readonly plan?: string | undefined;
  readonly state?: SubscriptionState | undefined;
}

/** That a consumer may ask for, whatever became of them. */
const MAX_ASKED = 100;

/** From which states an operator, or the consumer, may lead to another. */
const FROM: Readonly<Record<Exclude<SubscriptionState, 'pending'>, readonly SubscriptionState[]>> = {
  approved: ['pending', 'denied'],
  denied: ['pending'],
  cancelled: ['pending', 'approved', 'denied'],
};

export class Subscriptions {
  readonly #ledger: Ledger;
  readonly #consumers: Consumers;
  readonly #plans: PlanVersions;

  constructor(
    ledger: Ledger,
    { consumers, plans }: { readonly consumers: Consumers; readonly plans: PlanVersions },
  ) {
    this.#ledger = ledger;
    this.#consumers = consumers;
    this.#plans = plans;
  }

  /**
   * To the newest version. There is one at most per consumer and plan: whoever asks again gets that.
   * @param by an operator's own are approved at once
   */
  ask(consumer: string, plan: string, by: 'operator' | 'consumer'): Promise<SubscriptionView> {
    const id = `sub_${randomId()}`;
    return this.#ledger.change(() => {
      this.#consumers.get(consumer);
      const { newest, settings } = this.#plans.offered(plan);
      const own = this.#ledger.subscriptions.all().filter(([, known]) => known.consumer === consumer);
      // What was denied may be asked for again. What was cancelled had keys, which must not come back.
      const known =
        this.current(consumer, plan) ??
        own.find(([, { state, plan: other }]) => state === 'denied' && other === plan);
      if (known === undefined && by === 'consumer' && own.length >= MAX_ASKED)
        throw conflict('There were too many subscriptions: an operator can still make one.');
      const isApproved = by === 'operator' || settings.approval === 'automatic';
      if (known?.[1].state === 'approved' || (known?.[1].state === 'pending' && !isApproved))
        return { writes: [], result: this.#toView(...known) };
      const now = this.#ledger.now();
      const subscription: Subscription = {
        ...{ consumer, plan, planVersion: newest, createdAt: known?.[1].createdAt ?? now },
        state: isApproved ? 'approved' : 'pending',
        ...(isApproved ? { decidedAt: now } : {}),
      };
      const at = known?.[0] ?? id;
      return {
        writes: [this.#ledger.subscriptions.put(at, subscription)],
        result: this.#toView(at, subscription),
      };
    });
  }

  /** Keys of what is cancelled count no more. @throws {HemError} NOT_FOUND, CONFLICT */
  decide(
    id: string,
    state: Exclude<SubscriptionState, 'pending'>,
    { reason, consumer }: { readonly reason?: string | undefined; readonly consumer?: string } = {},
  ): Promise<SubscriptionView> {
    return this.#ledger.change(() => {
      const subscription = this.get(id, consumer);
      if (subscription.state === state) return { writes: [], result: this.#toView(id, subscription) };
      if (!FROM[state].includes(subscription.state))
        throw conflict(`The subscription is ${subscription.state}: it cannot become ${state}.`);
      let { planVersion } = subscription;
      if (state === 'approved') {
        // What is granted is what the plan is now, not what it was when somebody asked.
        planVersion = this.#plans.offered(subscription.plan).newest;
        const other = this.current(subscription.consumer, subscription.plan);
        if (other !== undefined && other[0] !== id)
          throw conflict(`"${subscription.consumer}" has another subscription to this plan: ${other[0]}.`);
      }
      const { reason: _earlier, ...rest } = subscription;
      const changed: Subscription = {
        ...rest,
        ...{ planVersion, state },
        decidedAt: this.#ledger.now(),
        ...(reason === undefined ? {} : { reason }),
      };
      return {
        writes: [this.#ledger.subscriptions.put(id, changed)],
        result: this.#toView(id, changed),
      };
    });
  }

  /** To another version of its plan, the newest unless given; its keys move along. @throws {HemError} NOT_FOUND, CONFLICT */
  move(id: string, version?: number): Promise<SubscriptionView> {
    return this.#ledger.change(() => {
      const subscription = this.get(id);
      const { plan, state } = subscription;
      if (state === 'pending')
        throw conflict('The subscription is pending: it gets the newest version once it is approved.');
      if (state !== 'approved') throw conflict(`The subscription is ${state}: there is nothing to move.`);
      const planVersion = version ?? this.#plans.known(plan).newest;
      if (this.#plans.settingsOf(plan, planVersion) === undefined)
        throw notFound('version of a plan', `${plan}@${planVersion}`);
      const changed = { ...subscription, planVersion };
      const writes =
        planVersion === subscription.planVersion ? [] : [this.#ledger.subscriptions.put(id, changed)];
      return { writes, result: this.#toView(id, changed) };
    });
  }

  /** For lists: a name that is mistyped is not one of which there is nothing. @throws {HemError} NOT_FOUND */
  checkNames({ consumer, plan }: Pick<SubscriptionFilter, 'consumer' | 'plan'>): void {
    if (consumer !== undefined) this.#consumers.get(consumer);
    if (plan !== undefined) this.#plans.known(plan);
  }

  /** @throws {HemError} NOT_FOUND for a consumer or plan that is not there */
  list(filter: SubscriptionFilter = {}): readonly SubscriptionView[] {
    this.checkNames(filter);
    return this.#ledger.subscriptions
      .all()
      .filter(
        ([, { consumer, plan, state }]) =>
          (filter.consumer ?? consumer) === consumer &&
          (filter.plan ?? plan) === plan &&
          (filter.state ?? state) === state,
      )
      .map(([id, subscription]) => this.#toView(id, subscription))
      .sort((a, b) =>
        a.createdAt === b.createdAt ? (a.id < b.id ? -1 : 1) : a.createdAt < b.createdAt ? -1 : 1,
      );
  }

  /** @param consumer the only one whose it may be. @throws {HemError} NOT_FOUND */
  get(id: string, consumer?: string): Subscription {
    const subscription = this.#ledger.subscriptions.get(id);
    if (subscription === undefined || (consumer ?? subscription.consumer) !== subscription.consumer)
      throw notFound('subscription', id);
    return subscription;
  }

  /** The one to a plan that is approved, or waits. */
  current(consumer: string, plan: string): readonly [id: string, subscription: Subscription] | undefined {
    return this.#ledger.subscriptions
      .all()
      .find(
        ([, known]) =>
          known.consumer === consumer &&
          known.plan === plan &&
          (known.state === 'approved' || known.state === 'pending'),
      );
  }

  #toView(id: string, subscription: Subscription): SubscriptionView {
    const { consumer, plan, planVersion, state, createdAt, decidedAt, reason } = subscription;
    return {
      id,
      consumer,
      plan,
      planVersion,
      newestVersion: this.#ledger.plans.get(plan)?.newest ?? planVersion,
      state,
      createdAt: new Date(createdAt).toISOString(),
      decidedAt: decidedAt === undefined ? null : new Date(decidedAt).toISOString(),
      reason: reason ?? null,
    };
  }
}

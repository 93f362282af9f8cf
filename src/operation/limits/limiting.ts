/**
 * What operations may use: reserved before anything is called, all limits of one together, and settled with what was really used. Draws
 * on the limits of hem.yml, of the client, of the plan of the caller's key, and on `@quota` of what is asked for.
 */
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import type { KnownPlan } from '../../consumers/known-plan.ts';
import { Accounts } from '../../limits/accounts.ts';
import { Charge } from '../../limits/charge.ts';
import { limitHeaders } from '../../limits/headers.ts';
import { type Limit, toLimitOfField, toLimits, toldApart } from '../../limits/limit.ts';
import type { Limiter, Reservation } from '../../limits/limiter.ts';
import { partitionOf } from '../../limits/partition.ts';
import type { HemSettings } from '../../load/settings/settings.ts';
import { ANONYMOUS } from '../../principal/principal.ts';
import type { View } from '../../views/view.ts';
import { type Answer, isStream, type Stream } from '../answer.ts';
import { knowsPlans } from '../auth/grants.ts';
import { Costs } from '../cost/costs.ts';
import { costOf } from '../cost/operation-cost.ts';
import { format } from '../format.ts';
import type { Part } from '../parts.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Answering, Policy, Streaming } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { tooMuchToJudge } from '../too-large.ts';
import { Admission } from './admission.ts';
import { limitedEvents, limitedParts } from './limited-streams.ts';

export interface LimitingServices {
  /** Called where something is limited. @throws {Error} when there is no place to count */
  readonly openLimiter: () => Limiter;
  readonly settings: Pick<HemSettings, 'quotas'>;
}

/** Undefined where nothing limits anybody. */
export function limiting(view: View, services: LimitingServices): Policy | undefined {
  const { quotas, cost } = view.client.settings;
  const limits = [
    ...toLimits(services.settings.quotas, 'hem'),
    ...toLimits(quotas, `client:${view.client.name}`),
  ];
  const { hasQuotas, hasRequired } = view.costs;
  if (limits.length > 0 || hasQuotas || knowsPlans(view))
    return new Limiting(view, limits, services.openLimiter());
  return cost.maximum !== undefined || hasRequired ? new Limiting(view, limits, undefined) : undefined;
}

class Limiting implements Policy {
  readonly #view: View;
  readonly #limiter: Limiter | undefined;
  readonly #limits: LimitsOfCaller;
  readonly #ofPlans = new WeakMap<KnownPlan, LimitsOfCaller>();
  readonly #costs: PerConditions<Costs>;

  /** @param limiter undefined where no limit could be drawn on */
  constructor(view: View, limits: readonly Limit[], limiter: Limiter | undefined) {
    this.#view = view;
    this.#limiter = limiter;
    this.#limits = new LimitsOfCaller(limits, view.client.name);
    this.#costs = new PerConditions(
      (document, operationName, conditions) =>
        new Costs((denied) => costOf(view, { document, operationName, denied }, conditions)),
    );
  }

  answer(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    const admission = this.#admit(operation, request);
    if (admission instanceof GraphQLError) return Promise.resolve(refused(admission, request));
    if (admission.charge.isNothing || this.#limiter === undefined) return next(operation, request);
    const run = (reservation: Reservation): Promise<Answer> =>
      reservation.admitted
        ? next(operation, request).then((answer) => admission.settle(reservation, answer, request))
        : Promise.resolve(admission.refusal(reservation, request));
    const decided = this.#limiter.decide(admission.charge, request.left);
    return decided instanceof Promise ? decided.then(run) : run(decided);
  }

  async stream<Item>(
    operation: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>> {
    const admission = this.#admit(operation, request);
    if (admission instanceof GraphQLError) return refused(admission, request);
    const limiter = this.#limiter;
    const limits = this.#limitsOf(request);
    const isSubscription = operation.kind === 'subscription';
    const isLimited = !admission.charge.isNothing || (isSubscription && limits.ofEvent.limits.length > 0);
    if (limiter === undefined || !isLimited) return next(operation, request);
    const reservation = await limiter.decide(admission.charge, request.left);
    if (!reservation.admitted) return admission.refusal(reservation, request);
    const outcome = await next(operation, request);
    if (!isStream(outcome)) return admission.settle(reservation, outcome, request);
    const { items, headers } = outcome;
    const opened = { admission, reservation, request };
    return {
      items: isSubscription
        ? (limitedEvents(items as AsyncGenerator<FormattedExecutionResult>, {
            ...opened,
            limiter,
            chargeOf: (cost) => this.#chargeOf(limits.ofEvent, request, cost),
          }) as AsyncGenerator<Item, void>)
        : (limitedParts(items as AsyncGenerator<Part, void>, opened) as AsyncGenerator<Item, void>),
      headers: { ...headers, ...limitHeaders(admission.charge, reservation) },
    };
  }

  #admit(operation: PreparedOperation, request: Request): Admission | GraphQLError {
    const limits = this.#limitsOf(request);
    const { costs, client } = this.#view;
    const { maximum, chargeExcess } = client.settings.cost;
    if (!limits.byCost && maximum === undefined && !costs.hasQuotas && !costs.hasRequired)
      return new Admission(this.#chargeOf(limits.ofOperation, request, 0), undefined);
    const cost = this.#costs.get(operation).without(operation.denied);
    if (cost === undefined) return tooMuchToJudge();
    const given = cost.given(operation.variables, (request.principal ?? ANONYMOUS).claims);
    const problem = cost.problem(given);
    if (problem !== undefined) return problem;
    const most = limits.byCost || maximum !== undefined ? cost.of(given) : 0;
    if (maximum !== undefined && most > maximum) return tooDear(most, maximum);
    const charge = this.#chargeOf(limits.ofOperation, request, most);
    for (const asked of cost.quotas) {
      const limit = toLimitOfField(asked);
      charge.add(
        {
          limit,
          partition: partitionOf(limit, {
            client: client.name,
            address: request.address,
            principal: request.principal,
          }),
        },
        asked.times,
      );
    }
    return new Admission(charge, limits.byCost ? { operation: cost, given, most, chargeExcess } : undefined);
  }

  #chargeOf(accounts: Accounts, request: Request, cost: number): Charge {
    return new Charge(accounts.limits, accounts.of(request), cost);
  }

  #limitsOf({ principal }: Pick<Request, 'principal'>): LimitsOfCaller {
    const plan = principal?.plan;
    if (plan === undefined || plan.settings.limits.length === 0) return this.#limits;
    let limits = this.#ofPlans.get(plan);
    if (limits === undefined) {
      const ofPlan = toLimits(plan.settings.limits, `plan:${plan.name}`);
      limits = new LimitsOfCaller([...this.#limits.all, ...ofPlan], this.#view.client.name);
      this.#ofPlans.set(plan, limits);
    }
    return limits;
  }
}

/** The limits of one kind of caller. */
class LimitsOfCaller {
  readonly all: readonly Limit[];
  /** What an operation draws on when it begins. */
  readonly ofOperation: Accounts;
  /** What each event of a subscription draws on. */
  readonly ofEvent: Accounts;
  readonly byCost: boolean;

  /** @param client its name */
  constructor(limits: readonly Limit[], client: string) {
    const all = toldApart(limits);
    this.all = all;
    this.ofOperation = new Accounts(
      all.filter(({ unit }) => unit !== 'events'),
      client,
    );
    this.ofEvent = new Accounts(
      all.filter(({ unit }) => unit === 'events' || unit === 'cost' || unit === 'bytes'),
      client,
    );
    this.byCost = all.some(({ unit }) => unit === 'cost');
  }
}

function refused(error: GraphQLError, request: Request): Answer {
  return { result: format({ errors: [error] }, request) };
}

function tooDear(cost: number, maximum: number): GraphQLError {
  const text = `The operation costs ${cost}; at most ${maximum} are allowed. Ask for shorter lists, or for less of each.`;
  return new GraphQLError(text, { extensions: { code: 'COST_EXCEEDED', cost, maximum } });
}

/**
 * What operations may use: reserved before anything is called, all limits of one together, and settled with what was really used. Draws
 * on the limits of hem.yml, of the client, of the plan of the caller's key, and on `@quota` of what is asked for.
 */
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import type { KnownPlan } from '../consumers/known-plan.ts';
import { ERRORS, type HemError } from '../errors.ts';
import { Charge } from '../limits/charge.ts';
import { limitHeaders } from '../limits/headers.ts';
import { type Limit, toLimitOfField, toLimits } from '../limits/limit.ts';
import type { Limiter, Reservation } from '../limits/limiter.ts';
import { refusedBy } from '../limits/refused.ts';
import type { HemSettings } from '../load/settings.ts';
import { ANONYMOUS } from '../principal/principal.ts';
import type { View } from '../views/view.ts';
import type { Answer, AnswerHeaders, Stream } from './answer.ts';
import type { Given } from './cost/counted.ts';
import { costOf, type OperationCost } from './cost/operation-cost.ts';
import { format } from './format.ts';
import { knowsPlans } from './grants.ts';
import { PerConditions } from './per-conditions.ts';
import type { Answering, Policy, Streaming } from './policy.ts';
import type { PreparedOperation, Request } from './request.ts';
import { tooLarge } from './too-large.ts';

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

/** An operation that may run, with what it draws on. */
interface Admitted {
  readonly charge: Charge;
  readonly cost: OperationCost | undefined;
  readonly given: Given | undefined;
  /** What it costs at most. */
  readonly most: number;
}

class Limiting implements Policy {
  readonly #view: View;
  readonly #limiter: Limiter | undefined;
  readonly #limits: LimitsOfCaller;
  readonly #ofPlans = new WeakMap<KnownPlan, LimitsOfCaller>();
  readonly #costs: PerConditions<OperationCost | undefined>;

  /** @param limiter undefined where no limit could be drawn on */
  constructor(view: View, limits: readonly Limit[], limiter: Limiter | undefined) {
    this.#view = view;
    this.#limiter = limiter;
    this.#limits = new LimitsOfCaller(limits);
    this.#costs = new PerConditions((document, operationName, conditions) =>
      costOf(view, document, operationName, conditions),
    );
  }

  answer(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    const admitted = this.#admit(operation, request);
    if (admitted instanceof GraphQLError) return Promise.resolve(refused(admitted, request));
    if (admitted.charge.isNothing || this.#limiter === undefined) return next(operation, request);
    const decided = this.#limiter.decide(admitted.charge, request.left);
    return decided instanceof Promise
      ? decided.then((reservation) => this.#answer(admitted, reservation, { operation, request, next }))
      : this.#answer(admitted, decided, { operation, request, next });
  }

  async stream<Item>(
    operation: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>> {
    const admitted = this.#admit(operation, request);
    if (admitted instanceof GraphQLError) return refused(admitted, request);
    const { charge } = admitted;
    const events = this.#limitsOf(request).events;
    const limiter = this.#limiter;
    if (
      limiter === undefined ||
      (charge.isNothing && (operation.kind !== 'subscription' || events.length === 0))
    )
      return next(operation, request);
    const reservation = await limiter.decide(charge, request.left);
    if (!reservation.admitted) return limited(charge, reservation, request);
    const outcome = await next(operation, request);
    const headers = limitHeaders(charge, reservation);
    if ('result' in outcome) return this.#settled(admitted, reservation, withHeaders(outcome, headers));
    const items =
      operation.kind === 'subscription'
        ? (this.#events(outcome.items as AsyncGenerator<FormattedExecutionResult>, {
            admitted,
            reservation,
            request,
            limiter,
          }) as AsyncGenerator<Item, void>)
        : parts(outcome.items, charge, reservation);
    return { items, headers: { ...outcome.headers, ...headers } };
  }

  #admit(operation: PreparedOperation, request: Request): Admitted | GraphQLError {
    const limits = this.#limitsOf(request);
    const { costs, client } = this.#view;
    const { maximum } = client.settings.cost;
    const charge = new Charge({
      client: client.name,
      address: request.address,
      principal: request.principal,
    });
    if (!limits.byCost && maximum === undefined && !costs.hasQuotas && !costs.hasRequired) {
      for (const limit of limits.ofOperation) charge.add(limit, 1);
      return { charge, cost: undefined, given: undefined, most: 0 };
    }
    const cost = this.#costs.get(operation);
    if (cost === undefined) return tooLarge();
    const given = cost.given(operation.variables, (request.principal ?? ANONYMOUS).claims);
    const problem = cost.problem(given);
    if (problem !== undefined) return problem;
    const most = limits.byCost || maximum !== undefined ? cost.of(given) : 0;
    if (maximum !== undefined && most > maximum) return tooDear(most, maximum);
    for (const limit of limits.ofOperation) charge.add(limit, limit.unit === 'cost' ? most : 1);
    for (const { quota, times } of cost.quotas) charge.add(toLimitOfField(quota), times);
    return { charge, cost, given, most };
  }

  async #answer(
    admitted: Admitted,
    reservation: Reservation,
    { operation, request, next }: { operation: PreparedOperation; request: Request; next: Answering },
  ): Promise<Answer> {
    const { charge } = admitted;
    if (!reservation.admitted) return limited(charge, reservation, request);
    const answer = withHeaders(await next(operation, request), limitHeaders(charge, reservation));
    return this.#settled(admitted, reservation, answer);
  }

  #settled(admitted: Admitted, reservation: Reservation, answer: Answer): Answer {
    const { charge } = admitted;
    const json = charge.counts('bytes') ? (answer.json ?? JSON.stringify(answer.result)) : answer.json;
    reservation.settle(
      charge.used({
        cost: charge.counts('cost') ? this.#costOfAnswer(answer.result, admitted) : 0,
        bytes: json === undefined ? 0 : Buffer.byteLength(json),
      }),
    );
    return json === undefined ? answer : { ...answer, json };
  }

  /** Not more than was reserved, unless the client says so. */
  #costOfAnswer(result: FormattedExecutionResult, { cost, given, most }: Admitted): number {
    // What nobody has worked on costs nothing; what failed in the middle may have cost all.
    if (!('data' in result))
      return ERRORS[result.errors?.[0]?.extensions?.code as keyof typeof ERRORS]?.fault === 'caller'
        ? 0
        : most;
    const { chargeExcess } = this.#view.client.settings.cost;
    if (most === 0 || cost === undefined || given === undefined) return most;
    const answered = cost.ofAnswer(result.data, given);
    return chargeExcess ? answered : Math.min(most, answered);
  }

  /** Each event is an operation of its own: the first has been paid for with the subscription. */
  async *#events(
    events: AsyncGenerator<FormattedExecutionResult, void>,
    { admitted, reservation, request, limiter }: Opened,
  ): AsyncGenerator<FormattedExecutionResult, void> {
    let opening: number | undefined;
    const release = () =>
      reservation.settle(admitted.charge.used({ cost: opening ?? admitted.most, bytes: 0 }));
    // Also where nobody ever reads the first event.
    request.left.add(release);
    try {
      for await (const event of events) {
        const cost = opening === undefined ? 0 : admitted.most;
        const charge = this.#chargeOfEvent(request, cost);
        opening ??= this.#costOfAnswer(event, admitted);
        if (charge.isNothing) {
          yield event;
          continue;
        }
        const decided = await limiter.decide(charge, request.left);
        if (!decided.admitted) {
          yield format({ errors: [toGraphQLError(refusedBy(charge, decided))] }, request);
          return;
        }
        this.#settled({ ...admitted, charge, most: cost }, decided, { result: event });
        yield event;
      }
    } finally {
      request.left.remove(release);
      release();
    }
  }

  #chargeOfEvent({ address, principal }: Request, cost: number): Charge {
    const charge = new Charge({ client: this.#view.client.name, address, principal });
    for (const limit of this.#limitsOf({ principal }).events)
      charge.add(limit, limit.unit === 'cost' ? cost : 1);
    return charge;
  }

  #limitsOf({ principal }: Pick<Request, 'principal'>): LimitsOfCaller {
    const plan = principal?.plan;
    if (plan === undefined || plan.settings.limits.length === 0) return this.#limits;
    let limits = this.#ofPlans.get(plan);
    if (limits === undefined) {
      limits = new LimitsOfCaller([
        ...this.#limits.all,
        ...toLimits(plan.settings.limits, `plan:${plan.name}`),
      ]);
      this.#ofPlans.set(plan, limits);
    }
    return limits;
  }
}

interface Opened {
  readonly admitted: Admitted;
  readonly reservation: Reservation;
  readonly request: Request;
  readonly limiter: Limiter;
}

/** The limits of one kind of caller. */
class LimitsOfCaller {
  readonly all: readonly Limit[];
  /** What an operation draws on when it begins. */
  readonly ofOperation: readonly Limit[];
  /** What each event of a subscription draws on. */
  readonly events: readonly Limit[];
  readonly byCost: boolean;

  constructor(all: readonly Limit[]) {
    this.all = all;
    this.ofOperation = all.filter(({ unit }) => unit !== 'events');
    this.events = all.filter(({ unit }) => unit === 'events' || unit === 'cost' || unit === 'bytes');
    this.byCost = all.some(({ unit }) => unit === 'cost');
  }
}

/** The parts of an answer: all of it has been reserved, and is what it costs. */
async function* parts<Item>(
  items: AsyncGenerator<Item, void>,
  charge: Charge,
  reservation: Reservation,
): AsyncGenerator<Item, void> {
  const countsBytes = charge.counts('bytes');
  let bytes = 0;
  try {
    for await (const item of items) {
      if (countsBytes) bytes += Buffer.byteLength(JSON.stringify(item));
      yield item;
    }
  } finally {
    reservation.settle(charge.used({ bytes }));
  }
}

function limited(charge: Charge, reservation: Reservation, request: Request): Answer {
  const error = refusedBy(charge, reservation);
  return withHeaders(refused(toGraphQLError(error), request), limitHeaders(charge, reservation));
}

function refused(error: GraphQLError, request: Request): Answer {
  return { result: format({ errors: [error] }, request) };
}

function withHeaders(answer: Answer, headers: AnswerHeaders | undefined): Answer {
  return headers === undefined ? answer : { ...answer, headers: { ...answer.headers, ...headers } };
}

function toGraphQLError({ code, publicText, publicDetails }: HemError): GraphQLError {
  return new GraphQLError(publicText, { extensions: { ...publicDetails, code } });
}

function tooDear(cost: number, maximum: number): GraphQLError {
  const text = `The operation costs ${cost}; at most ${maximum} are allowed. Ask for shorter lists, or for less of each.`;
  return new GraphQLError(text, { extensions: { code: 'COST_EXCEEDED', cost, maximum } });
}

/** An operation that may run, with what it draws on; what it really used is found out from its answer. */
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import { ERRORS, type HemError } from '../../errors.ts';
import type { Charge } from '../../limits/charge.ts';
import { limitHeaders } from '../../limits/headers.ts';
import type { Reservation } from '../../limits/limiter.ts';
import { refusedBy } from '../../limits/refused.ts';
import type { Answer, AnswerHeaders } from '../answer.ts';
import type { Given } from '../cost/counted.ts';
import type { OperationCost } from '../cost/operation-cost.ts';
import { format } from '../format.ts';
import type { Request } from '../request.ts';

/** What is known of an operation's cost, where somebody wants to know. */
export interface KnownCost {
  readonly operation: OperationCost;
  readonly given: Given;
  /** What it costs at most. */
  readonly most: number;
  /** Whether it may turn out to have cost more. */
  readonly chargeExcess: boolean;
}

export class Admission {
  readonly charge: Charge;
  readonly cost: KnownCost | undefined;

  constructor(charge: Charge, cost: KnownCost | undefined) {
    this.charge = charge;
    this.cost = cost;
  }

  /** Why it is not let in, after all. */
  refusal(reservation: Reservation, request: Request): Answer {
    const result = exceeded(this.charge, reservation, request);
    return withHeaders({ result }, limitHeaders(this.charge, reservation));
  }

  /** The answer with what callers are told of limits. Who has left is sent no bytes. */
  settle(reservation: Reservation, answer: Answer, { left }: Pick<Request, 'left'>): Answer {
    const { charge } = this;
    const told = withHeaders(answer, limitHeaders(charge, reservation));
    const cost = this.costOf(answer.result);
    if (!left.isCancelled) return settled(told, { reservation, charge, cost });
    // What backends were asked for is not in an answer that nobody has waited for.
    const whole = 'data' in answer.result ? Math.max(cost, this.cost?.most ?? 0) : cost;
    reservation.settle(charge.used({ cost: whole, bytes: 0 }));
    return told;
  }

  /** Not more than was reserved, unless the client says so. */
  costOf(result: FormattedExecutionResult): number {
    if (this.cost === undefined) return 0;
    const { operation, given, most, chargeExcess } = this.cost;
    if (most === 0) return 0;
    // What nobody has worked on costs nothing; what failed in the middle may have cost all.
    if (!('data' in result)) {
      const code = result.errors?.[0]?.extensions?.code as keyof typeof ERRORS | undefined;
      return code !== undefined && ERRORS[code]?.fault === 'caller' ? 0 : most;
    }
    if (hasLost(result)) return most;
    const answered = operation.ofAnswer(result.data, given);
    return chargeExcess ? answered : Math.min(most, answered);
  }
}

/** Whether a null that could not stand in its place has taken with it what was worked on: nobody can see any more how much that was. */
function hasLost({ data, errors = [] }: FormattedExecutionResult): boolean {
  return errors.some(({ path = [] }) => {
    let value: unknown = data;
    for (const key of path) {
      if (typeof value !== 'object' || value === null) return true;
      value = (value as Readonly<Record<string | number, unknown>>)[key];
    }
    return false;
  });
}

/** Bytes are those of the JSON, which the door then need not make once more. */
export function settled(
  answer: Answer,
  {
    reservation,
    charge,
    cost,
  }: { readonly reservation: Reservation; readonly charge: Charge; readonly cost: number },
): Answer {
  if (!charge.counts('bytes')) {
    reservation.settle(charge.used({ cost }));
    return answer;
  }
  const json = answer.json ?? JSON.stringify(answer.result);
  reservation.settle(charge.used({ cost, bytes: Buffer.byteLength(json) }));
  return { ...answer, json };
}

/** The refusal of what draws on more than there is. */
export function exceeded(
  charge: Charge,
  reservation: Reservation,
  request: Request,
): FormattedExecutionResult {
  const { code, publicText, publicDetails }: HemError = refusedBy(charge, reservation);
  const error = new GraphQLError(publicText, { extensions: { ...publicDetails, code } });
  return format({ errors: [error] }, request);
}

function withHeaders(answer: Answer, headers: AnswerHeaders | undefined): Answer {
  if (headers === undefined) return answer;
  return { ...answer, headers: answer.headers === undefined ? headers : { ...answer.headers, ...headers } };
}

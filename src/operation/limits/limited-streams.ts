/** What lives longer than an answer draws on limits as long as it lives. */
import type { FormattedExecutionResult } from 'graphql';
import type { Charge } from '../../limits/charge.ts';
import type { Limiter, Reservation } from '../../limits/limiter.ts';
import { MergedParts } from '../merged-parts.ts';
import type { Part } from '../parts.ts';
import type { Request } from '../request.ts';
import { Tapped } from '../tapped.ts';
import { type Admission, exceeded, settled } from './admission.ts';

interface Opened {
  readonly admission: Admission;
  readonly reservation: Reservation;
  readonly request: Request;
}

interface Subscribed extends Opened {
  readonly limiter: Limiter;
  /** What an event draws on. @param cost of executing it */
  readonly chargeOf: (cost: number) => Charge;
}

type Events = AsyncGenerator<FormattedExecutionResult, void>;

/** Each event is an operation of its own, but the first has been paid for with the subscription. */
export function limitedEvents(events: Events, subscribed: Subscribed): Events {
  const { admission, reservation, request } = subscribed;
  const opening = { cost: undefined as number | undefined };
  const release = () => {
    const cost = opening.cost ?? admission.cost?.most ?? 0;
    reservation.settle(admission.charge.used({ cost, bytes: 0 }));
  };
  return releasing(eventsWithin(events, subscribed, opening), request, release);
}

async function* eventsWithin(
  events: Events,
  { admission, request, limiter, chargeOf }: Subscribed,
  opening: { cost: number | undefined },
): Events {
  for await (const event of events) {
    const isFirst = opening.cost === undefined;
    const cost = admission.costOf(event);
    if (isFirst) opening.cost = cost;
    const charge = chargeOf(isFirst ? 0 : (admission.cost?.most ?? 0));
    if (!charge.isNothing) {
      const reservation = await limiter.decide(charge, request.left);
      if (!reservation.admitted) {
        yield exceeded(charge, reservation, request);
        return;
      }
      settled({ result: event }, { reservation, charge, cost: isFirst ? 0 : cost });
    }
    yield event;
  }
}

/** The parts of an answer: all of it has been reserved; what it was is known with the last. Who leaves before pays all of it. */
export function limitedParts(
  parts: AsyncGenerator<Part, void>,
  { admission, reservation, request }: Opened,
): AsyncGenerator<Part, void> {
  const { charge, cost: known } = admission;
  const merged = known === undefined ? undefined : new MergedParts();
  const countsBytes = charge.counts('bytes');
  let bytes = 0;
  const release = () => {
    const result = merged?.result;
    const cost = result === undefined ? (known?.most ?? 0) : admission.costOf(result);
    reservation.settle(charge.used({ cost, bytes }));
  };
  const item = (part: Part) => {
    merged?.take(part);
    if (countsBytes) bytes += Buffer.byteLength(JSON.stringify(part));
  };
  return releasing(new Tapped(parts, { item, end: () => {} }), request, release);
}

/** Calls at the end, or when the caller leaves: a stream that nobody begins to read never ends. */
function releasing<Item>(
  items: AsyncGenerator<Item, void>,
  { left }: Request,
  release: () => void,
): AsyncGenerator<Item, void> {
  if (left.isCancelled) release();
  else left.add(release);
  return ending(items, () => {
    left.remove(release);
    release();
  });
}

async function* ending<Item>(items: AsyncGenerator<Item, void>, end: () => void): AsyncGenerator<Item, void> {
  try {
    yield* items;
  } finally {
    end();
  }
}

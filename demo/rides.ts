/**
 * The rides backend: a consumer on AMQP. It answers requests from the queues `rides.get`, `rides.list`, `rides.start` and `rides.end`,
 * takes reports from the exchange `rides.reports`, and publishes what happens to the topic exchange `rides` as `ride.<city>.<state>`.
 * It has no address of its own: the broker's is its url.
 */
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { CURRENCY, DATA, NOW, priceCents, type Ride } from './data.ts';
import type { DemoServer } from './server.ts';

export const RIDE_EVENTS = 'rides';
export const RIDE_REPORTS = 'rides.reports';

const MAX_LISTED = 100;
const PREFETCH = 100;
const TEN_MINUTES = 600_000;

type Request = Readonly<Record<string, unknown>>;

export interface RidesOptions {
  /** The broker. */
  readonly amqpUrl: string;
  /** How often a running ride says where it has got to. Never without it. */
  readonly liveEveryMs?: number;
}

export async function startRides({ amqpUrl, liveEveryMs }: RidesOptions): Promise<DemoServer> {
  const backend = new RidesBackend();
  const address = new URL(amqpUrl);
  address.searchParams.set('heartbeat', '10');
  const connection = await connect(address.href, {
    timeout: 5000,
    recovery: {
      initialDelay: 100,
      maxDelay: 1000,
      initialMaxRetries: 5,
      setup: async (model: ChannelModel) => backend.serve(await model.createChannel()),
    },
  });
  connection.on('error', () => {});
  const timer =
    liveEveryMs === undefined ? undefined : setInterval(() => backend.somethingHappens(), liveEveryMs);
  return {
    url: amqpUrl,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await connection.close().catch(() => {});
    },
  };
}

class RidesBackend {
  readonly #rides = new Map<string, Ride>(DATA.rides.map((ride) => [ride.id, ride]));
  readonly #answers: Readonly<Record<string, (request: Request) => unknown>> = {
    'rides.get': ({ ids }) => ({
      rides: (ids as string[]).flatMap((id) => this.#rides.get(id) ?? []).map(toWire),
    }),
    'rides.list': (request) => ({ rides: this.#list(request).map(toWire) }),
    'rides.start': (request) => ({ ride: toWire(this.#start(request)) }),
    'rides.end': (request) => ({ ride: toWire(this.#end(request)) }),
  };
  #channel: Channel | undefined;
  #moment = NOW;
  #turn = 0;

  /** Declares what it needs and consumes. Its queues go when it goes, so that requests fail at once instead of waiting. */
  async serve(channel: Channel): Promise<void> {
    this.#channel = channel;
    channel.on('error', () => {});
    await channel.prefetch(PREFETCH);
    await channel.assertExchange(RIDE_EVENTS, 'topic', { durable: false });
    await channel.assertExchange(RIDE_REPORTS, 'topic', { durable: false });
    for (const [queue, answer] of Object.entries(this.#answers)) {
      await channel.assertQueue(queue, { durable: false, autoDelete: true });
      await channel.consume(queue, (message) => this.#reply(channel, message, answer));
    }
    await channel.assertQueue('rides.reports.inbox', { durable: false, autoDelete: true });
    await channel.bindQueue('rides.reports.inbox', RIDE_REPORTS, 'report.#');
    await channel.consume('rides.reports.inbox', (message) => this.#take(channel, message));
  }

  /** The next running ride has moved on. */
  somethingHappens(): void {
    const running = [...this.#rides.values()].filter(({ endedAt }) => endedAt === undefined);
    const ride = running[this.#turn++ % running.length];
    if (ride === undefined) return;
    this.#moment += 5000;
    const moved: Ride = { ...ride, distanceM: ride.distanceM + 35 };
    this.#rides.set(ride.id, moved);
    this.#announce(moved, 'moved', { distance_m: moved.distanceM });
  }

  #reply(channel: Channel, message: ConsumeMessage | null, answer: (request: Request) => unknown): void {
    if (message === null) return;
    const { replyTo, correlationId } = message.properties;
    let body: unknown;
    let error: RideError | undefined;
    try {
      body = answer(JSON.parse(String(message.content)) as Request);
    } catch (caught) {
      error = caught instanceof RideError ? caught : new RideError('BAD_REQUEST', String(caught));
      body = { code: error.code, message: error.message };
    }
    if (typeof replyTo === 'string') {
      channel.sendToQueue(replyTo, Buffer.from(JSON.stringify(body)), {
        correlationId,
        contentType: 'application/json',
        ...(error && { type: 'error', headers: { 'error-code': error.code } }),
      });
    }
    channel.ack(message);
  }

  /** Reports ask for no answer: what cannot be read is dropped. */
  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (message === null) return;
    channel.ack(message);
    let report: Request;
    try {
      report = JSON.parse(String(message.content)) as Request;
    } catch {
      return;
    }
    const ride = this.#rides.get(String(report.ride_id));
    if (ride !== undefined)
      this.#announce(ride, 'reported', { problem: report.problem, note: report.note ?? null });
  }

  #list({ rider, station, bike, running, limit }: Request): Ride[] {
    return [...this.#rides.values()]
      .reverse()
      .filter((ride) => absent(rider) || ride.riderId === rider)
      .filter((ride) => absent(station) || ride.from.stationId === station || ride.to?.stationId === station)
      .filter((ride) => absent(bike) || ride.bikeId === bike)
      .filter((ride) => absent(running) || (ride.endedAt === undefined) === running)
      .slice(0, Math.min(Number(limit ?? 20), MAX_LISTED));
  }

  #start({ rider, bike, station, dock }: Request): Ride {
    const from = DATA.stations.find(({ id }) => id === station);
    if (from === undefined) throw new RideError('NOT_FOUND', `no station ${JSON.stringify(station)}`);
    const busy = [...this.#rides.values()].find(
      (ride) => ride.endedAt === undefined && ride.riderId === rider,
    );
    if (busy !== undefined) throw new RideError('CONFLICT', `the rider is on ride ${busy.id}`);
    this.#moment += 60_000;
    const ride: Ride = {
      id: `rn-${5001 + this.#rides.size}`,
      city: from.city,
      riderId: String(rider),
      bikeId: String(bike),
      from: { stationId: from.id, number: Number(dock ?? 1) },
      to: undefined,
      startedAt: this.#moment,
      endedAt: undefined,
      distanceM: 0,
      priceCents: undefined,
    };
    this.#rides.set(ride.id, ride);
    this.#announce(ride, 'started');
    return ride;
  }

  #end({ ride_id: id, station, dock }: Request): Ride {
    const ride = this.#rides.get(String(id));
    if (ride === undefined) throw new RideError('NOT_FOUND', `no ride ${JSON.stringify(id)}`);
    if (ride.endedAt !== undefined) throw new RideError('CONFLICT', 'the ride has ended already');
    if (!DATA.stations.some((known) => known.id === station))
      throw new RideError('NOT_FOUND', `no station ${JSON.stringify(station)}`);
    this.#moment = Math.max(this.#moment, ride.startedAt) + TEN_MINUTES;
    const ended: Ride = {
      ...ride,
      to: { stationId: String(station), number: Number(dock) },
      endedAt: this.#moment,
      priceCents: priceCents(ride.startedAt, this.#moment),
    };
    this.#rides.set(ride.id, ended);
    this.#announce(ended, 'ended');
    return ended;
  }

  #announce(ride: Ride, state: string, more: Readonly<Record<string, unknown>> = {}): void {
    const event = {
      event: state,
      at: toTime(this.#moment),
      ride_id: ride.id,
      ride: toWire(ride),
      ...more,
    };
    try {
      this.#channel?.publish(RIDE_EVENTS, `ride.${ride.city}.${state}`, Buffer.from(JSON.stringify(event)), {
        contentType: 'application/json',
      });
    } catch {
      // The channel is gone; so are those who would have heard it.
    }
  }
}

function toWire(ride: Ride): unknown {
  return {
    ride_id: ride.id,
    city: ride.city,
    rider: ride.riderId,
    bike: ride.bikeId,
    from: { station: ride.from.stationId, dock: ride.from.number },
    to: ride.to === undefined ? null : { station: ride.to.stationId, dock: ride.to.number },
    started_at: toTime(ride.startedAt),
    ended_at: ride.endedAt === undefined ? null : toTime(ride.endedAt),
    distance_m: ride.distanceM,
    price:
      ride.priceCents === undefined
        ? null
        : { amount: (ride.priceCents / 100).toFixed(2), currency: CURRENCY },
  };
}

function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function absent(value: unknown): boolean {
  return value === undefined || value === null;
}

class RideError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The fleet backend: gRPC with server reflection. int64, bytes, a oneof, a map, Timestamp and Duration, enum names with a prefix,
 * a batch look-up that answers in its own order, and a server stream. Described by `connectors/fleet/fleet.proto`.
 */
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { FLEET_TOKEN } from './credentials.ts';
import { type Bike, DATA } from './data.ts';
import type { DemoServer, DemoServerOptions } from './server.ts';

const PROTO = fileURLToPath(new URL('../connectors/fleet/fleet.proto', import.meta.url));
const MAX_MESSAGE_BYTES = 1024 ** 2;
const MAX_LISTED = 100;
const STATES = {
  available: 'BIKE_STATE_AVAILABLE',
  riding: 'BIKE_STATE_RIDING',
  workshop: 'BIKE_STATE_WORKSHOP',
} as const;
const SERVICE_INTERVAL_SECONDS = 90 * 24 * 3600;

type WireState = (typeof STATES)[keyof typeof STATES] | 'BIKE_STATE_UNSPECIFIED';
type Request = Readonly<Record<string, unknown>>;

export interface FleetOptions extends DemoServerOptions {
  /** How often a watched bike that is being ridden moves. */
  readonly moveEveryMs?: number;
}

export async function startFleet({ port, moveEveryMs = 1000 }: FleetOptions): Promise<DemoServer> {
  const bikes = new Map<string, Bike>(DATA.bikes.map((bike) => [bike.id, bike]));
  const changes = new EventEmitter<{ changed: [Bike] }>().setMaxListeners(0);
  const definition = loadSync(PROTO, { longs: String, enums: String, oneofs: true, defaults: true });
  const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES });

  const unary = (answer: (request: Request) => unknown): handleUnaryCall<Request, unknown> => {
    return (call, callback) => {
      try {
        authorise(call);
        callback(null, answer(call.request));
      } catch (error) {
        callback(toStatus(error));
      }
    };
  };

  const watch: handleServerStreamingCall<Request, unknown> = (call) => {
    try {
      authorise(call);
      watchBike(call, find(bikes, call.request.id), { changes, moveEveryMs });
    } catch (error) {
      call.emit('error', toStatus(error));
    }
  };

  server.addService(definition['fleet.v1.Fleet'] as ServiceDefinition, {
    BikesAtStations: unary(({ stationIds }) => ({ stations: summarise(bikes, stationIds as string[]) })),
    GetBike: unary(({ id }) => toWire(find(bikes, id))),
    // Reversed and without the unknown: whoever matches answers by position is wrong at once.
    GetBikes: unary(({ ids }) => ({
      bikes: (ids as string[])
        .flatMap((id) => bikes.get(id) ?? [])
        .map(toWire)
        .reverse(),
    })),
    ListBikes: unary((request) => ({ bikes: list(bikes, request).map(toWire) })),
    SetBikeState: unary((request) => {
      const bike = withState(find(bikes, request.id), request.state as WireState);
      bikes.set(bike.id, bike);
      changes.emit('changed', bike);
      return toWire(bike);
    }),
    PlanRefill: unary(({ stationId, capacity, serviceArea }) => {
      const [summary] = summarise(bikes, [String(stationId)]);
      const wanted = Math.round(Number(capacity) * 0.6);
      return {
        bikesToBring: wanted - (summary?.bikesAvailable ?? 0),
        van: `van-${String(serviceArea).toLowerCase()}`,
      };
    }),
    WatchBike: watch,
  });
  new ReflectionService(definition).addToServer(server);

  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error ? reject(error) : resolve(actual),
    );
  });
  return {
    url: `grpc://127.0.0.1:${bound}`,
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

function watchBike(
  call: ServerWritableStream<Request, unknown>,
  start: Bike,
  { changes, moveEveryMs }: { changes: EventEmitter<{ changed: [Bike] }>; moveEveryMs: number },
): void {
  let bike = start;
  let step = 0;
  const write = () => call.write(toWire({ ...bike, ...around(bike, step) }));
  const onChange = (changed: Bike) => {
    if (changed.id !== bike.id) return;
    bike = changed;
    write();
  };
  const timer = setInterval(() => {
    if (bike.state !== 'riding') return;
    step++;
    write();
  }, moveEveryMs);
  changes.on('changed', onChange);
  call.on('close', () => {
    clearInterval(timer);
    changes.off('changed', onChange);
  });
  call.on('cancelled', () => call.end());
  write();
}

/** A ridden bike goes in circles, a step of ten degrees at a time. */
function around({ state, lat, lon }: Bike, step: number): { lat: number; lon: number } {
  if (state !== 'riding') return { lat, lon };
  const angle = (step * Math.PI) / 18;
  return { lat: lat + 0.002 * Math.sin(angle), lon: lon + 0.003 * (Math.cos(angle) - 1) };
}

function authorise(call: ServerUnaryCall<Request, unknown> | ServerWritableStream<Request, unknown>): void {
  if (call.metadata.get('authorization')[0] === `Bearer ${FLEET_TOKEN}`) return;
  throw new Refusal(status.UNAUTHENTICATED, 'the token is missing or wrong');
}

function summarise(bikes: ReadonlyMap<string, Bike>, stationIds: readonly string[]) {
  const known = new Set(DATA.stations.map(({ id }) => id));
  return stationIds
    .filter((id) => known.has(id))
    .map((stationId) => {
      const there = [...bikes.values()].filter(
        ({ state, dock }) => state === 'available' && dock?.stationId === stationId,
      );
      return {
        stationId,
        bikesAvailable: there.length,
        electricBikesAvailable: there.filter(({ drive }) => drive.kind === 'electric').length,
      };
    });
}

function list(bikes: ReadonlyMap<string, Bike>, { stationId, state, limit }: Request): Bike[] {
  if (Number(limit) < 0) throw new Refusal(status.INVALID_ARGUMENT, 'limit must not be negative');
  return [...bikes.values()]
    .filter((bike) => !present(stationId) || bike.dock?.stationId === stationId)
    .filter((bike) => !present(state) || state === 'BIKE_STATE_UNSPECIFIED' || STATES[bike.state] === state)
    .slice(0, Math.min(Number(limit) || MAX_LISTED, MAX_LISTED));
}

/** proto3 optional: absent fields have no own value, whatever the prototype says. */
function present(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function find(bikes: ReadonlyMap<string, Bike>, id: unknown): Bike {
  const bike = bikes.get(String(id));
  if (bike === undefined) throw new Refusal(status.NOT_FOUND, `no bike ${JSON.stringify(id)}`);
  return bike;
}

function withState(bike: Bike, wire: WireState): Bike {
  const [state] = Object.entries(STATES).find(([, name]) => name === wire) ?? [];
  if (state === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'a state is needed');
  if (state === bike.state) throw new Refusal(status.FAILED_PRECONDITION, `the bike is ${state} already`);
  return { ...bike, state: state as Bike['state'], dock: state === 'available' ? bike.dock : undefined };
}

function toWire(bike: Bike): unknown {
  const { kind, ...drive } = bike.drive;
  return {
    id: bike.id,
    model: bike.model,
    frameNumber: String(bike.frameNumber),
    state: STATES[bike.state],
    ...(bike.dock && { stationId: bike.dock.stationId, dockNumber: bike.dock.number }),
    position: { lat: bike.lat, lon: bike.lon },
    drive: { [kind]: drive },
    odometerM: String(bike.odometerM),
    lastServiceAt: { seconds: String(Math.floor(bike.lastServiceAt / 1000)), nanos: 0 },
    serviceInterval: { seconds: String(SERVICE_INTERVAL_SECONDS), nanos: 0 },
    lockKey: bike.lockKey,
    labels: bike.labels,
  };
}

class Refusal extends Error {
  readonly code: status;
  constructor(code: status, details: string) {
    super(details);
    this.code = code;
  }
}

function toStatus(error: unknown): { code: status; details: string } {
  if (error instanceof Refusal) return { code: error.code, details: error.message };
  return { code: status.INTERNAL, details: String(error) };
}

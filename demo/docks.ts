/**
 * The docks backend: JSON-RPC 2.0 over a websocket, by hand on `ws`. Docks are known by station and number together, and changes
 * of a station's docks come as notifications to those who subscribed to its topic, `docks/<station>`.
 */
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { DATA, type Dock, NOW } from './data.ts';
import { createHttpServer, type DemoServer, type DemoServerOptions, listen } from './server.ts';

const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_TOPICS = 1000;
/** The rider who reserves docks when things happen by themselves. */
const PASSER_BY = 'rd-30';
const TOPIC = /^docks\/([\w-]{1,64})$/;

interface WireDock {
  readonly station: string;
  readonly number: number;
  readonly state: 'FREE' | 'OCCUPIED' | 'FAULTY' | 'RESERVED';
  readonly bike: string | null;
  readonly changedAt: string;
  readonly reservedFor: string | null;
}

type Params = Readonly<Record<string, unknown>>;

export interface DocksOptions extends DemoServerOptions {
  /** How often something happens at a station that is being watched. Never without it. */
  readonly liveEveryMs?: number;
}

export async function startDocks({ port, liveEveryMs }: DocksOptions): Promise<DemoServer> {
  const server = createHttpServer();
  const sockets = new WebSocketServer({
    server,
    path: '/rpc',
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  const backend = new DocksBackend();
  sockets.on('connection', (socket) => backend.accept(socket));
  const listening = await listen(server, { port });
  const timer =
    liveEveryMs === undefined ? undefined : setInterval(() => backend.somethingHappens(), liveEveryMs);
  return {
    url: `ws://${listening.authority}/rpc`,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await listening[Symbol.asyncDispose]();
    },
  };
}

class DocksBackend {
  readonly #docks = new Map(DATA.docks.map((dock) => [keyOf(dock.stationId, dock.number), toWire(dock)]));
  readonly #stations = new Set(DATA.stations.map(({ id }) => id));
  readonly #topics = new Map<WebSocket, Set<string>>();
  #moment = NOW;
  #turn = 0;

  accept(socket: WebSocket): void {
    this.#topics.set(socket, new Set());
    socket.on('close', () => this.#topics.delete(socket));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => this.#receive(socket, data));
  }

  /** At the next watched station a dock is reserved, or given free again. */
  somethingHappens(): void {
    const watched = [...new Set([...this.#topics.values()].flatMap((topics) => [...topics]))];
    const topic = watched[this.#turn++ % watched.length];
    const stationId = topic === undefined ? undefined : TOPIC.exec(topic)?.[1];
    const docks = [...this.#docks.values()].filter(({ station }) => station === stationId);
    const reserved = docks.find(
      ({ state, reservedFor }) => state === 'RESERVED' && reservedFor === PASSER_BY,
    );
    const free = docks.find(({ state }) => state === 'FREE');
    if (reserved !== undefined) this.#change({ ...reserved, state: 'FREE', reservedFor: null });
    else if (free !== undefined) this.#change({ ...free, state: 'RESERVED', reservedFor: PASSER_BY });
  }

  #receive(socket: WebSocket, data: RawData): void {
    let message: unknown;
    try {
      message = JSON.parse(String(data));
    } catch {
      send(socket, { id: null, error: { code: -32700, message: 'Parse error' } });
      return;
    }
    const { id, method, params } = (message ?? {}) as { id?: unknown; method?: unknown; params?: unknown };
    if (typeof method !== 'string') {
      send(socket, { id: id ?? null, error: { code: -32600, message: 'Invalid request' } });
      return;
    }
    let answer: Record<string, unknown>;
    try {
      answer = { result: this.#call(socket, method, (params ?? {}) as Params) };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      answer = { error: { code: error.code, message: error.message, data: error.data } };
    }
    if (id !== undefined) send(socket, { id, ...answer });
  }

  #call(socket: WebSocket, method: string, params: Params): unknown {
    switch (method) {
      case 'docks.get':
        return this.#docks.get(keyOf(params.station, params.number)) ?? null;
      case 'docks.getMany':
        return {
          docks: keysIn(params).flatMap(
            ({ station, number }) => this.#docks.get(keyOf(station, number)) ?? [],
          ),
        };
      case 'docks.ofStation':
        return {
          docks: this.#ofStation(params.station).filter(
            ({ state }) => !params.state || state === params.state,
          ),
        };
      case 'docks.summaries':
        return {
          stations: idsIn(params).flatMap((station) =>
            this.#stations.has(station) ? [this.#summary(station)] : [],
          ),
        };
      case 'docks.reserve':
        return this.#reserve(params);
      case 'docks.release':
        return this.#release(params);
      case 'topics.subscribe':
        return this.#subscribe(socket, params.topic);
      case 'topics.unsubscribe':
        return this.#topics.get(socket)?.delete(String(params.topic)) ?? false;
      default:
        throw new RpcError(-32601, 'Method not found');
    }
  }

  #ofStation(station: unknown): WireDock[] {
    if (!this.#stations.has(String(station))) throw new RpcError(-32001, 'No such station', { station });
    return [...this.#docks.values()].filter((dock) => dock.station === station);
  }

  #summary(station: string) {
    const docks = this.#ofStation(station);
    return { station, free: docks.filter(({ state }) => state === 'FREE').length, total: docks.length };
  }

  #reserve({ station, number, rider }: Params): WireDock {
    const dock = this.#docks.get(keyOf(station, number));
    if (dock === undefined) throw new RpcError(-32001, 'No such dock', { station, number });
    if (dock.state !== 'FREE') throw new RpcError(-32010, 'The dock is not free', { state: dock.state });
    return this.#change({
      ...dock,
      state: 'RESERVED',
      reservedFor: typeof rider === 'string' ? rider : null,
    });
  }

  #release({ station, number }: Params): WireDock {
    const dock = this.#docks.get(keyOf(station, number));
    if (dock?.state !== 'RESERVED')
      throw new RpcError(-32010, 'The dock is not reserved', { station, number });
    return this.#change({ ...dock, state: 'FREE', reservedFor: null });
  }

  #subscribe(socket: WebSocket, topic: unknown): boolean {
    const station = TOPIC.exec(String(topic))?.[1];
    if (station === undefined || !this.#stations.has(station))
      throw new RpcError(-32001, 'No such topic', { topic });
    const topics = this.#topics.get(socket);
    if (topics === undefined || topics.size >= MAX_TOPICS) throw new RpcError(-32011, 'Too many topics');
    topics.add(String(topic));
    return true;
  }

  #change(changed: WireDock): WireDock {
    this.#moment += 1000;
    const dock = { ...changed, changedAt: toOffsetTime(this.#moment) };
    this.#docks.set(keyOf(dock.station, dock.number), dock);
    const topic = `docks/${dock.station}`;
    for (const [socket, topics] of this.#topics) {
      if (topics.has(topic)) send(socket, { method: 'topics.event', params: { topic, payload: dock } });
    }
    return dock;
  }
}

function toWire({ stationId, number, state, bikeId, changedAt }: Dock): WireDock {
  return {
    station: stationId,
    number,
    state: state === 'free' ? 'FREE' : state === 'occupied' ? 'OCCUPIED' : 'FAULTY',
    bike: bikeId ?? null,
    changedAt: toOffsetTime(changedAt),
    reservedFor: null,
  };
}

/** Summer time in Lindhaven. */
function toOffsetTime(milliseconds: number): string {
  return new Date(milliseconds + 2 * 3_600_000).toISOString().replace(/\.000Z$/, '+02:00');
}

function keyOf(station: unknown, number: unknown): string {
  return `${station}/${number}`;
}

function keysIn({ keys }: Params): ReadonlyArray<{ station: unknown; number: unknown }> {
  if (!Array.isArray(keys)) throw new RpcError(-32602, 'Invalid params', { expected: 'keys' });
  return keys as Array<{ station: unknown; number: unknown }>;
}

function idsIn({ stations }: Params): readonly string[] {
  if (!Array.isArray(stations)) throw new RpcError(-32602, 'Invalid params', { expected: 'stations' });
  return stations as string[];
}

class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

function send(socket: WebSocket, message: Readonly<Record<string, unknown>>): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

/**
 * The stations backend: REST over node:http. Snake case, wrapped answers, lower-case states, problem+json errors.
 * Described by `connectors/stations/openapi.yaml`, which it also serves.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATIONS_KEY } from './credentials.ts';
import { DATA, NOW, type Station, type Workshop } from './data.ts';
import { createHttpServer, type DemoServer, type DemoServerOptions, listen } from './server.ts';

const MAX_BODY_BYTES = 2 * 1024 ** 2;
const STATES = ['in_service', 'maintenance', 'closed'];
const SPEC = new URL('../connectors/stations/openapi.yaml', import.meta.url);

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function startStations(options: DemoServerOptions): Promise<DemoServer> {
  const stations = new Map<string, Station>(DATA.stations.map((station) => [station.id, station]));
  const server = createHttpServer((request, response) => {
    handle(stations, request)
      .catch((error: unknown) =>
        error instanceof Refusal ? error.answer : refuse(500, String(error)).answer,
      )
      .then((answer) => send(response, answer));
  });
  const listening = await listen(server, options);
  return {
    url: `http://${listening.authority}`,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

async function handle(stations: Map<string, Station>, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, version, collection, id, sub, ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const route = `${request.method} ${[collection, id && '{}', sub].filter(Boolean).join('/')}`;
  if (url.pathname === '/openapi.yaml') return { status: 200, body: readFileSync(SPEC, 'utf8') };
  if (request.headers['x-api-key'] !== STATIONS_KEY) throw refuse(401, 'The API key is missing or wrong.');
  if (version !== 'v1' || rest.length > 0) throw refuse(404, 'No such path.');
  switch (route) {
    case 'GET stations':
      return ok({ stations: list(stations, url.searchParams).map(toWire) });
    case 'GET stations/{}':
      return ok({ station: toWire(find(stations, id)) });
    case 'GET places':
      return ok({ places: search(stations, url.searchParams.get('text') ?? '') });
    case 'POST stations': {
      const station = create(stations, await readJson(request));
      return { ...ok({ station: toWire(station) }), status: 201 };
    }
    case 'PATCH stations/{}': {
      const station = patch(find(stations, id), await readJson(request));
      stations.set(station.id, station);
      return ok({ station: toWire(station) });
    }
    case 'POST stations/{}/photos':
      return { ...ok({ photo: await readPhoto(find(stations, id), request) }), status: 201 };
    default:
      throw refuse(404, 'No such path.');
  }
}

function list(stations: ReadonlyMap<string, Station>, query: URLSearchParams): Station[] {
  const ids = query.get('ids')?.split(',');
  let found = ids === undefined ? [...stations.values()] : ids.flatMap((id) => stations.get(id) ?? []);
  const city = query.get('city');
  const state = query.get('state');
  if (city !== null) found = found.filter((station) => station.city === city);
  if (state !== null) found = found.filter((station) => station.state === state);
  const lat = query.get('lat');
  const lon = query.get('lon');
  if (lat !== null && lon !== null) {
    const distance = (station: Station) =>
      Math.hypot(station.lat - Number(lat), (station.lon - Number(lon)) * 0.58);
    found.sort((a, b) => distance(a) - distance(b));
  }
  const limit = Number(query.get('limit') ?? 100);
  if (!Number.isInteger(limit) || limit < 0) throw refuse(400, '"limit" is a whole number from 0 on.');
  return ids === undefined ? found.slice(0, Math.min(limit, 100)) : found;
}

function search(stations: ReadonlyMap<string, Station>, text: string): unknown[] {
  const wanted = text.toLowerCase();
  const matches = ({ name }: { name: string }) => name.toLowerCase().includes(wanted);
  return [
    ...[...stations.values()].filter(matches).map(toWire),
    ...DATA.workshops.filter(matches).map(workshopToWire),
  ];
}

function find(stations: ReadonlyMap<string, Station>, id: string | undefined): Station {
  const station = id === undefined ? undefined : stations.get(id);
  if (station === undefined) throw refuse(404, `There is no station "${id}".`);
  return station;
}

function create(stations: Map<string, Station>, body: Record<string, unknown>): Station {
  const [lat, lon] = [Number(body.lat), Number(body.lon)];
  if (typeof body.station_name !== 'string' || body.station_name.trim() === '')
    throw refuse(422, '"station_name" is needed.');
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) throw refuse(422, '"lat" and "lon" are degrees.');
  if ([...stations.values()].some(({ name }) => name === body.station_name))
    throw refuse(409, `There is a station called "${body.station_name}" already.`);
  const station: Station = {
    id: `st-${String(stations.size + 1).padStart(2, '0')}`,
    name: body.station_name,
    city: body.city_code === 'ostwick' ? 'ostwick' : 'lindhaven',
    street: typeof body.street_name === 'string' ? body.street_name : 'Unnamed Road',
    houseNumber: '1',
    postalCode: '24100',
    lat,
    lon,
    state: 'maintenance',
    capacity: Number.isInteger(body.capacity) ? Number(body.capacity) : 8,
    openedOn: new Date(NOW).toISOString().slice(0, 10),
    amenities: [],
    serviceArea: 'L1',
  };
  stations.set(station.id, station);
  return station;
}

function patch(station: Station, body: Record<string, unknown>): Station {
  const { station_name: name = station.name, state = station.state } = body;
  if (typeof name !== 'string' || name.trim() === '') throw refuse(422, '"station_name" is a text.');
  if (typeof state !== 'string' || !STATES.includes(state))
    throw refuse(422, `"state" is one of ${STATES.join(', ')}.`);
  return { ...station, name, state: state as Station['state'] };
}

async function readPhoto(station: Station, request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request);
  const type = request.headers['content-type'] ?? '';
  const form = await new Response(body, { headers: { 'content-type': type } })
    .formData()
    .catch(() => undefined);
  const photo = form?.get('photo');
  if (!(photo instanceof File)) throw refuse(422, '"photo" is a file.');
  const caption = form?.get('caption');
  return {
    photo_id: `${station.id}-${photo.size}`,
    station_id: station.id,
    file_name: photo.name,
    media_type: photo.type,
    bytes: photo.size,
    caption: typeof caption === 'string' ? caption : null,
  };
}

function toWire(station: Station): unknown {
  return {
    place_type: 'station',
    station_id: station.id,
    station_name: station.name,
    address: {
      street_name: station.street,
      house_number: station.houseNumber,
      postal_code: station.postalCode,
      city_code: station.city,
      city_name: station.city === 'lindhaven' ? 'Lindhaven' : 'Ostwick',
    },
    location: { lat: station.lat, lon: station.lon },
    state: station.state,
    capacity: station.capacity,
    opened_on: station.openedOn,
    updated_at: new Date(NOW).toISOString(),
    features: { amenities: station.amenities, accessible: station.amenities.includes('roof') },
    service_area: station.serviceArea,
  };
}

function workshopToWire(workshop: Workshop): unknown {
  return {
    place_type: 'workshop',
    workshop_id: workshop.id,
    workshop_name: workshop.name,
    location: { lat: workshop.lat, lon: workshop.lon },
    stands: workshop.stands,
  };
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse((await readBody(request)).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Refusal) throw error;
  }
  throw refuse(400, 'The body is not a JSON object.');
}

async function readBody(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw refuse(413, 'The body is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function ok(data: unknown): Answer {
  return { status: 200, body: { data } };
}

class Refusal extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super('refused');
    this.answer = answer;
  }
}

function refuse(status: number, detail: string): Refusal {
  return new Refusal({ status, body: { status, detail } });
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const type =
    typeof body === 'string'
      ? 'application/yaml'
      : status < 400
        ? 'application/json'
        : 'application/problem+json';
  response.writeHead(status, { 'content-type': type });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

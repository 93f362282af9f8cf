/** Things over REST: node:http. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { caching, HttpServer, readText, watchCaller } from './http-server.ts';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, Things, toJson } from './things.ts';

export const rest: ConformingKind = {
  kind: 'rest',
  lacks: { subscriptions: 'HTTP requests have one answer' },
  async start({ tls } = {}): Promise<ThingsBackend> {
    const things = new Things();
    const http = new HttpServer((request, response) => void serve(things, request, response), tls);
    await http.up();
    return {
      things,
      url: `${tls === undefined ? 'http' : 'https'}://${http.authority}/v1`,
      settings: '',
      bindings: {
        thing: '@rest(get: "/things/{id}")',
        thingsById: '@rest(get: "/things?ids={ids|csv}", select: "data.things")',
        things: '@rest(get: "/things?limit={first}", select: "data.things")',
        echo: '@rest(get: "/echo/{text}")',
        parts: '@rest(get: "/things/{parent.id}/parts?limit={first}")',
        rename: '@rest(patch: "/things/{id}", body: "{ name: $name }")',
      },
      files: {},
      up: () => http.up(),
      down: () => http.down(),
      [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
    };
  },
};

async function serve(things: Things, request: IncomingMessage, response: ServerResponse): Promise<void> {
  watchCaller(response, things);
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, , collection, id, below] = url.pathname.split('/').map(decodeURIComponent);
  const query = (name: string) => url.searchParams.get(name);
  const ask = (name: string, args: Record<string, unknown>) => things.answer(name, args, request.headers);
  const wrapped = collection === 'things' && id === undefined;
  const answer =
    collection === 'echo'
      ? await ask('echo', { text: id })
      : request.method === 'PATCH'
        ? await ask('rename', { id, ...(JSON.parse(await readText(request)) as object) })
        : below === 'parts'
          ? await ask('parts', { thing: id, first: query('limit') })
          : id !== undefined
            ? await ask('thing', { id })
            : query('ids') !== null
              ? await ask('thingsById', { ids: query('ids')!.split(',') })
              : await ask('things', { first: query('limit') });
  const send = (status: number, body: string) =>
    response.writeHead(status, { 'content-type': 'application/json', ...caching(things) }).end(body);
  switch (answer.kind) {
    case 'value':
      return void send(200, wrapped ? `{"data":{"things":${toJson(answer.value)}}}` : toJson(answer.value));
    case 'missing':
      return void send(404, '{}');
    case 'garbage':
      return void send(200, '{"id": "gar');
    case 'broken':
      return void send(500, JSON.stringify({ message: SECRET }));
    case 'denied':
      return void send(403, JSON.stringify({ message: SECRET }));
  }
}

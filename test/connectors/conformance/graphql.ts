/** Things over GraphQL: graphql-js on node:http, subscriptions by graphql-ws. */
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  graphql as execute,
  GraphQLError,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { caching, type Headers, HttpServer, readText, watchCaller } from './http-server.ts';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, type Thing, Things } from './things.ts';

const SDL = readFileSync(new URL('things.graphql', import.meta.url), 'utf8');

export const graphql: ConformingKind = {
  kind: 'graphql',
  lacks: {},
  async start({ tls } = {}): Promise<ThingsBackend> {
    const things = new Things();
    const events = createPubSub<{ changed: [id: string, thing: Partial<Thing>] }>();
    let listeners = 0;
    const schema = toSchema();
    const ask = async (name: string, args: Record<string, unknown>, headers: Headers) => {
      const answer = await things.answer(name, args, headers);
      switch (answer.kind) {
        case 'value':
          return answer.value;
        case 'missing':
          return null;
        case 'hang':
          return new Promise(() => {});
        case 'garbage':
          throw new Garbage('');
        case 'broken':
          throw new GraphQLError(SECRET);
        case 'denied':
          throw new GraphQLError(SECRET, { extensions: { code: 'FORBIDDEN' } });
      }
    };
    const rootValue = Object.fromEntries(
      ['thing', 'thingsById', 'things', 'echo', 'parts', 'rename'].map((name) => [
        name,
        (args: Record<string, unknown>, { headers }: { headers: Headers }) => ask(name, args, headers),
      ]),
    );
    const http = new HttpServer(async (request, response) => {
      watchCaller(response, things);
      const { query, variables, operationName } = JSON.parse(await readText(request));
      const result = await execute({
        schema,
        rootValue,
        source: query,
        variableValues: variables,
        operationName,
        contextValue: { headers: request.headers },
      });
      const garbage = result.errors?.some(({ originalError }) => originalError instanceof Garbage);
      response.writeHead(200, { 'content-type': 'application/json', ...caching(things) });
      response.end(garbage ? '{"data": {"thi' : JSON.stringify(result));
    }, tls);
    const sockets = new WebSocketServer({ server: http.server });
    useServer(
      {
        schema,
        roots: {
          subscription: {
            thingChanged({ id }: { id: string }) {
              const changes = events.subscribe('changed', id);
              listeners++;
              return {
                async next() {
                  const { value, done } = await changes.next();
                  return done === true ? { value, done } : { value: { thingChanged: value }, done };
                },
                // A generator would wait for the next event before it ends.
                return() {
                  listeners--;
                  return changes.return();
                },
                [Symbol.asyncIterator]() {
                  return this;
                },
              };
            },
          },
        },
      },
      sockets,
    );
    await http.up();
    return {
      things,
      url: `${tls === undefined ? 'http' : 'https'}://${http.authority}/graphql`,
      settings:
        'spec: things.graphql\nsubscriptions: { reconnect: { min: 20ms, max: 100ms, attempts: 50 } }\n',
      bindings: {
        thing: '@graphql(query: "thing")',
        thingsById: '@graphql',
        things: '@graphql',
        echo: '@graphql',
        parts: '@graphql(query: "parts", args: "{ thing: $parent.id, first: $first }")',
        rename: '@graphql',
        thingChanged: '@graphql',
      },
      files: { 'things.graphql': SDL },
      up: () => http.up(),
      down: () => http.down(),
      emit: (id, name) => events.publish('changed', id, { id, name, big: '1', constructor: 'builder' }),
      listeners: () => listeners,
      [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
    };
  },
};

class Garbage extends Error {}

function toSchema(): GraphQLSchema {
  const schema = buildSchema(SDL);
  const long = schema.getType('Long') as GraphQLScalarType;
  // A number with all its digits.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const digits = (value: unknown) => rawJSON(String(value));
  Object.assign(long, { coerceOutputValue: digits, serialize: digits });
  return schema;
}

/** The GraphQL backend of the test graph, over HTTP and graphql-ws. It keeps nothing, and fails as its faults say. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  buildSchema,
  execute,
  GraphQLError,
  GraphQLID,
  GraphQLInt,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLString,
  getNullableType,
  isNonNullType,
  isObjectType,
  parse,
  validate,
} from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { beingOf, PEOPLE, type Person, type Pet, personOf, ROBOTS, type Robot } from './data.ts';
import { FAULTS_HEADER, Faults } from './faults.ts';

interface Context {
  readonly faults: Faults;
}

type Thing = (Person | Robot | Pet | { readonly owner: string }) & {
  readonly key?: string;
  readonly sound?: boolean;
};
type Resolve = (source: never, args: never, context: Context) => unknown;

export function nickOf(person: Person, style: string | null, max: number | null | undefined): string | null {
  if (person.name === null) return null;
  const nick = style === null ? '?' : style === 'long' ? `${person.name} the ${person.id}th` : person.name;
  return nick.slice(0, max == null ? 100 : Math.max(0, max));
}

const RESOLVERS: Readonly<Record<string, Readonly<Record<string, Resolve>>>> = {
  Query: {
    person: (_: unknown, { id }: { id: string }) => personOf(id) ?? null,
    being: (_: unknown, { id }: { id: string }) => beingOf(id) ?? null,
    peopleById: (_: unknown, { ids }: { ids: string[] }, { faults }: Context) =>
      ids
        .filter((id) => !faults.isMissing('people', 'peopleById', id))
        .map((id) => personOf(id) ?? null)
        .reverse(),
    everyone: (_: unknown, { first }: { first: number }) => PEOPLE.slice(0, Math.max(0, first)),
    guests: (_: unknown, { first }: { first: number }) =>
      [PEOPLE[1], ROBOTS[0], null, PEOPLE[0]!.pets?.[0] ?? null, ROBOTS[1]].slice(0, Math.max(0, first)),
  },
  Subscription: {
    personMoved: (person: unknown) => person,
    guestCame: (guest: unknown) => guest,
  },
  Person: {
    nick: (person: Person, { style, max }: { style: string | null; max?: number | null }) =>
      nickOf(person, style, max),
    address: ({ id, address }: Person) => address && { ...address, key: id },
    friends: ({ friends }: Person, { first, order }: { first: number; order?: string | null }) => {
      const listed = friends.slice(0, Math.max(0, first)).map((id) => ({ ...personOf(id), sound: true }));
      return order === 'long' ? listed.reverse() : listed;
    },
    best: ({ best }: Person) => best && personOf(best),
    pets: ({ id, pets }: Person) => pets?.map((pet) => pet && { ...pet, key: id }) ?? null,
    favouriteIds: ({ favourites }: Person) => favourites,
    likesId: ({ likes }: Person) => likes,
    likesType: ({ likes }: Person) =>
      likes && (likes.startsWith('f') ? 'Film' : likes.startsWith('g') ? 'Game' : 'Book'),
    scores: (
      { scores }: Person,
      { of, filter }: { of?: number[] | null; filter?: { min?: number | null } | null },
    ) =>
      scores?.map((row) => [
        ...row.filter((score) => score === null || score >= (filter?.min ?? 0)),
        ...(of ?? []),
      ]) ?? null,
    mentor: ({ mentor }: Person) => mentor && beingOf(mentor),
  },
  Robot: {
    owner: ({ owner }: Robot) => owner && personOf(owner),
    model: ({ model }: Robot, { long }: { long: boolean }) => (long ? `model ${model}` : model),
  },
  Address: {
    country: ({ key, country }: { key: string; country: object | null }) => country && { ...country, key },
  },
  Country: {
    name: ({ name }: { name: string }, { style }: { style?: string | null }) =>
      style === 'long' ? `The ${name}` : name,
  },
  Dog: {
    size: ({ centimetres }: { centimetres: number }, { unit }: { unit: string | null }) =>
      unit === 'm' ? Math.round(centimetres / 100) : centimetres,
    owner: ({ owner }: { owner: string | null }) => owner && personOf(owner),
  },
};

/**
 * A backend that does not keep to its own schema: graphql-js would not let a wrong value pass, so a right one passes in its place and
 * becomes the wrong one in the answer's JSON.
 */
const SMUGGLED = 'wrong:';
const SMUGGLED_NUMBER = 1_900_000_000;
/** None that another backend has for a key: a record that is found or not, depending on what else is asked for, is nobody's fault. */
const WRONG_LEAVES: readonly unknown[] = [null, 17.5, {}, [], ['x'], { id: 'x' }, 'other', 5_000_000_000];

function smuggle(value: unknown, type: GraphQLOutputType): unknown {
  // Others fail with an error.
  if (typeof value !== 'object' && typeof value !== 'number') return undefined;
  const index = JSON.stringify(value).length % WRONG_LEAVES.length;
  const nullable = getNullableType(type);
  if (nullable === GraphQLString || nullable === GraphQLID) return `${SMUGGLED}${index}`;
  return nullable === GraphQLInt ? SMUGGLED_NUMBER + index : undefined;
}

function unwrapped(_key: string, value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith(SMUGGLED))
    return WRONG_LEAVES[Number(value.slice(SMUGGLED.length))];
  return typeof value === 'number' && value >= SMUGGLED_NUMBER
    ? WRONG_LEAVES[value - SMUGGLED_NUMBER]
    : value;
}

/** What a field's error says of itself. */
const CODES = ['FORBIDDEN', 'NOT_FOUND', 'ODD', 'RATE_LIMITED'];

function makeSchema(): GraphQLSchema {
  const schema = buildSchema(
    readFileSync(new URL('./graph/connectors/people/people.graphql', import.meta.url), 'utf8'),
  );
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    type.isTypeOf = (value) =>
      (value as { type?: string }).type === type.name || type.name === 'Address' || type.name === 'Country';
    for (const field of Object.values(type.getFields())) {
      const resolve = RESOLVERS[type.name]?.[field.name] as
        | ((source: unknown, args: unknown, context: Context) => unknown)
        | undefined;
      field.resolve = (source: Thing, args: unknown, context: Context) => {
        const key = 'id' in (source ?? {}) ? (source as Person).id : (source?.key ?? JSON.stringify(args));
        // Fields that carry many keys fail as a whole only with the whole backend. And whether two fields of one record with equal
        // arguments are asked for as one is an engine's choice, so nothing below one may take it along.
        const sound = source?.sound === true && isNonNullType(field.type);
        const fault =
          field.name === 'peopleById' || sound
            ? undefined
            : context.faults.ofField('people', `${type.name}.${field.name}`, key);
        if (fault !== undefined) {
          if (fault.value === null) return null;
          const smuggled = smuggle(fault.value, field.type);
          if (smuggled !== undefined) return smuggled;
          const code = CODES[JSON.stringify(fault.value).length % CODES.length]!;
          throw new GraphQLError('fault', { extensions: { code } });
        }
        return resolve === undefined
          ? (source as unknown as Record<string, unknown>)[field.name]
          : resolve(source, args, context);
      };
    }
  }
  const subscriptions = schema.getSubscriptionType()!.getFields();
  subscriptions.personMoved!.subscribe = async function* (
    _: unknown,
    { id, times }: { id: string; times: number },
  ) {
    for (let index = 0; index < Math.min(5, times); index++)
      yield personOf(String(Number(id) + index)) ?? null;
  };
  subscriptions.guestCame!.subscribe = async function* () {
    yield PEOPLE[2];
    yield ROBOTS[0];
    yield null;
    yield { ...PEOPLE[3]!.pets![0], key: '4' };
  };
  return schema;
}

export async function openPeopleBackend(): Promise<{
  url: string;
  server: Server;
  dispose(): Promise<void>;
}> {
  const schema = makeSchema();
  const answer = async (request: IncomingMessage, text: string) => {
    const faults = new Faults(request.headers[FAULTS_HEADER] as string | undefined);
    const failed = faults.ofCall('people', 'call', '');
    if (typeof failed === 'number') return { status: failed, body: { error: 'fault' } };
    const { query, variables } = JSON.parse(text) as { query: string; variables: Record<string, unknown> };
    const document = parse(query);
    const errors = validate(schema, document);
    const result =
      errors.length > 0
        ? { errors }
        : await execute({
            schema,
            document,
            variableValues: variables,
            contextValue: { faults } satisfies Context,
          });
    return { status: 200, body: result };
  };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      answer(request, text).then(
        ({ status, body }) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(body, unwrapped));
        },
        (error: unknown) => {
          response.writeHead(500);
          response.end(String(error));
        },
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  const sockets = new WebSocketServer({ server, path: '/graphql' });
  const websocket = useServer(
    {
      schema,
      jsonMessageReplacer: unwrapped,
      context: ({ extra }) => ({
        faults: new Faults(
          (extra as { request: IncomingMessage }).request.headers[FAULTS_HEADER] as string | undefined,
        ),
      }),
    },
    sockets,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    server,
    async dispose() {
      for (const socket of sockets.clients) socket.terminate();
      await websocket.dispose();
    },
  };
}

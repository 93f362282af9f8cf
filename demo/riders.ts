/**
 * The riders backend: GraphQL by Yoga, over HTTP and graphql-ws at one address: riders, memberships, badges, a mutation and a subscription.
 * Described by `connectors/riders/riders.graphql`.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { RIDERS_TOKEN } from './credentials.ts';
import { DATA, type Rider } from './data.ts';
import { createHttpServer, type DemoServer, type DemoServerOptions, listen } from './server.ts';

const SDL = new URL('../connectors/riders/riders.graphql', import.meta.url);
const AUTHORIZATION = `Bearer ${RIDERS_TOKEN}`;
const MAX_LISTED = 100;
const BADGES = [100, 50, 25, 10, 5, 1];

export async function startRiders(options: DemoServerOptions): Promise<DemoServer> {
  const schema = buildSchema();
  const yoga = createYoga({
    schema,
    logging: false,
    graphiql: false,
    landingPage: false,
    maskedErrors: false,
    plugins: [
      {
        onRequest({ request, endResponse, fetchAPI }) {
          if (request.headers.get('authorization') === AUTHORIZATION) return;
          const errors = [
            { message: 'The token is missing or wrong.', extensions: { code: 'UNAUTHENTICATED' } },
          ];
          endResponse(fetchAPI.Response.json({ errors }, { status: 401 }));
        },
      },
    ],
  });
  const server = createHttpServer(yoga);
  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: 256 * 1024 });
  const websocket = useServer(
    {
      schema,
      onConnect: ({ connectionParams, extra }) =>
        connectionParams?.authorization === AUTHORIZATION ||
        (extra.request as IncomingMessage).headers.authorization === AUTHORIZATION,
    },
    sockets,
  );
  const listening = await listen(server, options);
  return {
    url: `http://${listening.authority}/graphql`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await websocket.dispose();
      await listening[Symbol.asyncDispose]();
    },
  };
}

function buildSchema() {
  const riders = new Map<string, Rider>(DATA.riders.map((rider) => [rider.id, rider]));
  const changes = createPubSub<{ [topic: `membership:${string}`]: [Rider] }>();
  return createSchema({
    typeDefs: readFileSync(SDL, 'utf8'),
    resolvers: {
      Query: {
        rider: (_: unknown, { id }: { id: string }) => riders.get(id) ?? null,
        riders: (_: unknown, { first }: { first: number }) =>
          [...riders.values()].slice(0, Math.min(first, MAX_LISTED)),
        ridersById: (_: unknown, { ids }: { ids: string[] }) => ids.flatMap((id) => riders.get(id) ?? []),
      },
      Mutation: {
        changePlan: (
          _: unknown,
          args: { riderId: string; plan: Rider['plan']; autoRenew?: boolean | null },
        ) => {
          const rider = riders.get(args.riderId);
          if (rider === undefined) throw refusal('There is no such rider.', 'NOT_FOUND');
          if (rider.plan === args.plan) throw refusal('The rider has this plan already.', 'BAD_USER_INPUT');
          const changed: Rider = { ...rider, plan: args.plan, autoRenew: args.autoRenew ?? rider.autoRenew };
          riders.set(rider.id, changed);
          changes.publish(`membership:${rider.id}`, changed);
          return changed;
        },
      },
      Subscription: {
        membershipChanged: {
          subscribe: (_: unknown, { riderId }: { riderId: string }) => {
            if (!riders.has(riderId)) throw refusal('There is no such rider.', 'NOT_FOUND');
            return changes.subscribe(`membership:${riderId}`);
          },
          resolve: (rider: Rider) => rider,
        },
      },
      Rider: {
        membership: ({ plan, renewsOn, autoRenew }: Rider) => ({ plan, renewsOn, autoRenew }),
        badges: ({ id }: Rider, { first }: { first: number }) => badgesOf(id).slice(0, Math.max(0, first)),
      },
    },
  });
}

function badgesOf(riderId: string): Array<{ title: string; kilometres: number }> {
  const metres = DATA.rides
    .filter((ride) => ride.riderId === riderId)
    .reduce((total, ride) => total + ride.distanceM, 0);
  return BADGES.filter((kilometres) => metres >= kilometres * 1000).map((kilometres) => ({
    title: `${kilometres} km`,
    kilometres,
  }));
}

function refusal(message: string, code: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** A gateway with two connectors: `things`, the one that is tried, and `boxes`, over REST, which always works and knows things by their keys. */
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { HttpServer } from './http-server.ts';
import type { ThingsBackend } from './kind.ts';

export interface ThingsGatewayOptions {
  /** Lines of connector.yml. */
  readonly settings?: string;
  /** hem.yml */
  readonly hem?: string;
  /** Files by path within the configuration directory. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The client is "web". */
export async function startThingsGateway(
  kind: string,
  backend: ThingsBackend,
  { settings = '', hem = '{}', files = {} }: ThingsGatewayOptions = {},
): Promise<TestGateway> {
  await using started = new AsyncDisposableStack();
  const boxes = started.use(
    new HttpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"label":"Box","things":[{"id":"3"},{"id":"missing"},{"id":"1"},{"id":"3"}]}');
    }),
  );
  await boxes.up();
  const vendored = Object.entries(backend.files).map(([name, text]) => [`connectors/things/${name}`, text]);
  const gateway = started.use(
    await startGateway({
      files: {
        'hem.yml': hem,
        'connectors/things/connector.yml': `kind: ${kind}\nendpoint: "\${env:THINGS_URL}"\n${backend.settings}${settings}`,
        'connectors/things/schema.graphql': toSchema(backend),
        ...Object.fromEntries(vendored),
        'connectors/boxes/connector.yml': `kind: rest\nendpoint: http://${boxes.authority}\n`,
        'connectors/boxes/schema.graphql': BOXES,
        'schemas/web.graphql': toView(backend),
        'clients/web/client.yml': 'explain: true',
        ...files,
      },
      env: { THINGS_URL: backend.url },
    }),
  );
  const everything = started.move();
  return { ...gateway, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

const BOXES = /* GraphQL */ `
  type Query { box: Box @rest(get: "/box") }
  type Box { label: String, things: [Thing] }
  type Thing @key(fields: "id") { id: ID! }
`;

function toSchema({ bindings }: ThingsBackend): string {
  const { thingChanged } = bindings;
  return /* GraphQL */ `
    type Query {
      thing(id: ID!): Thing @lookup ${bindings.thing}
      expectedThing(id: ID!): Thing ${bindings.thing}
      thingsById(ids: [ID!]! @is(field: "id")): [Thing]! @lookup @internal ${bindings.thingsById}
      things(first: Int!): [Thing!] ${bindings.things}
      echo(text: String!): String ${bindings.echo}
    }
    type Mutation { rename(id: ID!, name: String!): Thing ${bindings.rename} }
    ${thingChanged === undefined ? '' : `type Subscription { thingChanged(id: ID!): Thing ${thingChanged} }`}
    type Thing @key(fields: "id") {
      id: ID!
      name: String
      big: BigInt
      odd: String @from(path: "constructor")
      polluted: String
      parts(first: Int! = 2): [Part!] ${bindings.parts}
    }
    type Part { name: String }
  `;
}

function toView({ bindings }: ThingsBackend): string {
  return /* GraphQL */ `
    type Query { thing(id: ID!): Thing  expectedThing(id: ID!): Thing  things(first: Int!): [Thing!]  echo(text: String!): String  box: Box }
    type Mutation { rename(id: ID!, name: String!): Thing }
    ${bindings.thingChanged === undefined ? '' : 'type Subscription { thingChanged(id: ID!): Thing }'}
    type Thing { id: ID!  name: String  big: BigInt  odd: String  polluted: String  parts(first: Int! = 2): [Part!] }
    type Part { name: String }
    type Box { label: String  things: [Thing] }
  `;
}

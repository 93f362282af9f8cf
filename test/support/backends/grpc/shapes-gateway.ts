/** A configuration with one connector to the backend of shapes.proto, and a view that shows all of it. */
import { readFileSync } from 'node:fs';
import { Kind, parse, print, visit } from 'graphql';
import { protoFile } from './server.ts';

export interface ShapesOptions {
  /** Connector's schema instead of {@link SHAPES_SCHEMA}. */
  readonly schema?: string;
  /** connector.yml after kind, endpoint and proto. */
  readonly settings?: string;
  readonly description?: 'proto' | 'descriptors';
}

/** For `startGateway`. The endpoint is \${env:SHAPES_URL}. */
export function shapesFiles({
  schema = SHAPES_SCHEMA,
  settings = '',
  description = 'proto',
}: ShapesOptions = {}) {
  const described = description === 'proto' ? 'proto: shapes.proto' : 'descriptors: shapes.pb';
  return {
    'connectors/shapes/connector.yml': `kind: grpc\nendpoint: \${env:SHAPES_URL}\n${described}\n${settings}`,
    'connectors/shapes/schema.graphql': schema,
    ...(description === 'proto'
      ? {
          'connectors/shapes/shapes.proto': readFileSync(protoFile('shapes.proto')),
          'connectors/shapes/common/money.proto': readFileSync(protoFile('common/money.proto')),
        }
      : { 'connectors/shapes/shapes.pb': readFileSync(protoFile('shapes.pb')) }),
    'schemas/web.graphql': plainView(schema),
    'clients/web/client.yml': '{}',
  };
}

/** The same types without directives and without what is internal. */
export function plainView(schema: string): string {
  const view = visit(parse(schema), {
    FieldDefinition: (field) =>
      field.directives?.some(({ name }) => name.value === 'internal') ? null : undefined,
    Directive: () => null,
  });
  return print({ kind: Kind.DOCUMENT, definitions: view.definitions });
}

export const SHAPES_SCHEMA = /* GraphQL */ `
  type Query {
    thing(id: ID!): Thing @lookup @grpc(method: "shapes.v1.Shapes/GetThing")
    strictThing(id: ID!): Thing @grpc(method: "shapes.v1.Shapes/GetThing")
    thingsById(ids: [ID!]! @is(field: "id")): [Thing]! @lookup @internal @grpc(method: "shapes.v1.Shapes/ThingsById")
    things(first: Int, color: Color, namePrefix: String, since: DateTime): [Thing!]
      @grpc(
        method: "shapes.v1.Shapes/ListThings"
        args: "{ first: $first, filter: { color: $color, namePrefix: $namePrefix, since: $since } }"
      )
    page(first: Int, filter: ThingFilter): Page @grpc(method: "shapes.v1.Shapes/ListThings")
    blueThings: Int
      @grpc(method: "shapes.v1.Shapes/ListThings", args: "{ filter: { color: BLUE } }", select: "total")
    count: BigInt @grpc(method: "shapes.v1.Shapes/CountThings")
    echo(
      doubleValue: Float, floatValue: Float, int32Value: Int, int64Value: BigInt, uint32Value: BigInt, uint64Value: BigInt
      sint32Value: Int, sint64Value: BigInt, fixed32Value: BigInt, fixed64Value: BigInt, sfixed32Value: Int, sfixed64Value: BigInt
      boolValue: Boolean, stringValue: String, bytesValue: Bytes, color: String, nested: NestedInput
      optionalInt: Int, optionalText: String, optionalColor: String
      int64List: [BigInt!], stringList: [String], colorList: [String!], nestedList: [NestedInput!], bytesList: [Bytes!]
      counts: JSON, byLong: JSON, byUnsigned: JSON, byInt: JSON, byBool: JSON, colors: JSON, times: JSON, labels: JSON
      textChoice: String, numberChoice: BigInt, nestedChoice: NestedInput
      at: DateTime, took: Duration, mask: String, struct: JSON, value: JSON, list: JSON, any: JSON, atList: [DateTime!]
      doubleBox: Float, floatBox: Float, int64Box: BigInt, uint64Box: BigInt, int32Box: Int, uint32Box: BigInt
      boolBox: Boolean, stringBox: String, bytesBox: Bytes
      price: MoneyInput, otherName: String, line1: String, constructor: String
    ): Everything @grpc(method: "shapes.v1.Shapes/Echo")
    newer: Everything @grpc(method: "shapes.v1.Shapes/Newer")
    newerStrict: Strict @grpc(method: "shapes.v1.Shapes/Newer")
    fail(code: Int!, message: String, withDetails: Boolean): Thing @grpc(method: "shapes.v1.Shapes/Fail")
    failLookup(id: ID!): Thing
      @lookup @internal
      @grpc(method: "shapes.v1.Shapes/Fail", args: "{ code: 13, message: $id }")
    sleep(milliseconds: Int!): Float @grpc(method: "shapes.v1.Shapes/Sleep", select: "remainingMs")
    big(bytes: Int!): Bytes @grpc(method: "shapes.v1.Shapes/Big", select: "data")
    metadata: JSON @grpc(method: "shapes.v1.Shapes/ReadMetadata", select: "values")
    metadataOf(tenant: String!, token: Bytes!): JSON
      @grpc(
        method: "shapes.v1.Shapes/ReadMetadata"
        metadata: [{ name: "X-Tenant", value: "t-{tenant}" }, { name: "x-token-bin", value: "{token}" }]
        select: "values"
      )
  }
  type Mutation {
    saveThing(id: ID!, name: String, serialNumber: BigInt, color: Color, battery: Int, circle: CircleInput, square: SquareInput): Thing
      @grpc(method: "shapes.v1.Shapes/SaveThing")
    deleteThing(id: ID!): Boolean @grpc(method: "shapes.v1.Shapes/DeleteThing")
  }
  type Subscription {
    watch(topic: String!, count: Int, failAfter: Int, failCode: Int): Event @grpc(method: "shapes.v1.Shapes/Watch")
    numbers(topic: String!): Int
      @grpc(method: "shapes.v1.Shapes/Watch", args: "{ topic: $topic, count: 3 }", select: "number")
    converse(topic: String!, count: Int): Event @grpc(method: "shapes.v1.Shapes/Converse")
  }
  type Thing @key(fields: "id") {
    id: ID!
    name: String
    serialNumber: BigInt
    color: Color
    battery: Int
    shape: Shape @from(path: ".")
    seenAt: DateTime
    parts(first: Int): [String!] @grpc(method: "shapes.v1.Shapes/PartsOf")
    failing: Thing @grpc(method: "shapes.v1.Shapes/Fail", args: "{ code: 5, message: $parent.id }")
  }
  type Page {
    things: [Thing!]!
    total: Int!
  }
  union Shape
    @discriminator(
      property: "shape"
      mapping: [{ value: "circle", type: "Circle" }, { value: "square", type: "Square" }]
      nested: true
    ) = Circle | Square
  type Circle {
    radius: Float!
  }
  type Square {
    side: Float!
  }
  enum Color {
    UNKNOWN @from(value: "COLOR_UNSPECIFIED")
    RED
    GREEN
    BLUE
  }
  type Everything {
    doubleValue: Float, floatValue: Float, int32Value: Int, int64Value: BigInt, uint32Value: BigInt, uint64Value: BigInt
    sint32Value: Int, sint64Value: BigInt, fixed32Value: BigInt, fixed64Value: BigInt, sfixed32Value: Int, sfixed64Value: BigInt
    boolValue: Boolean, stringValue: String, bytesValue: Bytes, color: String, nested: Nested
    optionalInt: Int, optionalText: String, optionalColor: String
    int64List: [BigInt!], stringList: [String!], colorList: [String!], nestedList: [Nested!], bytesList: [Bytes!]
    counts: JSON, byLong: JSON, byUnsigned: JSON, byInt: JSON, byBool: JSON, colors: JSON, times: JSON, labels: JSON
    choice: String, textChoice: String, numberChoice: BigInt, nestedChoice: Nested, colorChoice: String
    at: DateTime, took: Duration, mask: String, struct: JSON, value: JSON, list: JSON, any: JSON, atList: [DateTime!]
    doubleBox: Float, floatBox: Float, int64Box: BigInt, uint64Box: BigInt, int32Box: Int, uint32Box: BigInt
    boolBox: Boolean, stringBox: String, bytesBox: Bytes
    price: Money, otherName: String, line1: String, constructor: String
  }
  "As a team that knows only today's values would write it."
  type Strict {
    color: Color
    optionalText: String
  }
  type Nested {
    id: BigInt
    displayName: String
    child: Nested
  }
  type Money {
    currencyCode: String
    units: BigInt
    nanos: Int
  }
  type Event {
    topic: String
    number: Int
    at: DateTime
  }
  input NestedInput {
    id: BigInt
    displayName: String
    child: NestedInput
  }
  input MoneyInput {
    currencyCode: String
    units: BigInt
    nanos: Int
  }
  input ThingFilter {
    color: Color
    namePrefix: String
    since: DateTime
  }
  input CircleInput {
    radius: Float!
  }
  input SquareInput {
    side: Float!
  }
`;

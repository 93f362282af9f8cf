/** Requests and answers against bytes that protoc made: its reading of the wire judges ours. */
import { readFileSync } from 'node:fs';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';
import { answering, frame, RawBackend } from '../support/backends/grpc/raw.ts';
import { PROTO_FOLDER, protoFile } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway } from '../support/gateway.ts';

const GOLDEN = readFileSync(protoFile('everything.bin'));

/** What everything.txtpb says, in GraphQL's words. */
const REQUEST = {
  ...{
    doubleValue: -1.5,
    floatValue: 0.25,
    int32Value: -7,
    int64Value: '-9223372036854775808',
    uint32Value: 4294967295,
  },
  ...{ uint64Value: '18446744073709551615', sint32Value: -2147483648, sint64Value: '-9007199254740993' },
  ...{
    fixed32Value: 4294967295,
    fixed64Value: '18446744073709551615',
    sfixed32Value: -1,
    sfixed64Value: '9223372036854775807',
  },
  ...{ boolValue: true, stringValue: 'Grüße', bytesValue: 'AAH/', color: 'BLUE' },
  nested: { id: '9007199254740993', displayName: 'x', child: { id: -1 } },
  ...{ optionalInt: 0, optionalText: '', optionalColor: 'COLOR_UNSPECIFIED' },
  ...{
    int64List: ['1', '-1', '9223372036854775807'],
    stringList: ['a', ''],
    colorList: ['RED', 'COLOR_UNSPECIFIED', 'BLUE'],
  },
  ...{ nestedList: [{ id: 1 }, {}], bytesList: ['/w==', ''] },
  ...{
    counts: { a: '-9007199254740993' },
    byLong: { '-9223372036854775808': 'x' },
    byUnsigned: { '18446744073709551615': 'x' },
  },
  ...{
    byInt: { '-3': { id: 7 } },
    byBool: { true: 'yes' },
    colors: { sky: 'BLUE' },
    times: { t: '1970-01-01T00:00:01.000000001Z' },
  },
  nestedChoice: { id: 5 },
  ...{ at: '1969-12-31T23:59:59.5Z', took: '-1.5s', mask: 'name,owner.displayName' },
  ...{ struct: { a: [1, null, false, '', {}] }, value: null, list: [2] },
  any: { '@type': 'type.googleapis.com/shapes.v1.Circle', radius: 2 },
  atList: ['1970-01-01T00:00:00.000000001Z'],
  ...{
    doubleBox: 0,
    floatBox: 0.5,
    int64Box: '-9007199254740993',
    uint64Box: '18446744073709551615',
    int32Box: -1,
    uint32Box: 1,
  },
  ...{ boolBox: false, stringBox: '', bytesBox: 'AA==' },
  price: { currencyCode: 'EUR', units: 5, nanos: 1 },
  ...{ otherName: 'q', line1: 'l', constructor: 'c', labels: { k: 'v' } },
};

const NESTED = '{ id displayName child { id displayName } }';
const SELECTION = Object.keys(REQUEST)
  .map((name) => {
    if (name.startsWith('nested')) return `${name} ${NESTED}`;
    return name === 'price' ? 'price { currencyCode units nanos }' : name;
  })
  .join(' ');

test.each(['proto', 'descriptors'] as const)(
  'a message of every shape, described by %s',
  async (description) => {
    const received: Buffer[] = [];
    const answer = answering(frame(GOLDEN));
    await using backend = await RawBackend.start((stream) => {
      stream.on('data', (chunk: Buffer) => received.push(chunk));
      stream.on('end', () => answer(stream));
    });
    await using gateway = await startGateway({
      files: shapesFiles({ description }),
      env: { SHAPES_URL: backend.url },
    });

    const declared = /echo\(([^)]*)\)/.exec(shapesFiles()['connectors/shapes/schema.graphql'])![1]!;
    const types = new Map(
      [...declared.matchAll(/(\w+): ([\w[\]!]+)/g)].map(([, name = '', type = '']) => [name, type]),
    );
    const names = Object.keys(REQUEST);
    const { body } = await gateway.query(
      'web',
      `query (${names.map((name) => `$${name}: ${types.get(name)}`)}) { echo(${names.map((name) => `${name}: $${name}`)}) { choice ${SELECTION} } }`,
      { variables: REQUEST },
    );

    expect(body.errors).toBeUndefined();
    expect(body.data.echo).toEqual({
      ...REQUEST,
      choice: 'nestedChoice',
      // As GraphQL's scalars and defaults of the wire have them.
      ...{ uint32Value: '4294967295', fixed32Value: '4294967295', uint32Box: '1' },
      nested: { ...REQUEST.nested, child: { id: '-1', displayName: '' } },
      nestedList: [
        { id: '1', displayName: '', child: null },
        { id: '0', displayName: '', child: null },
      ],
      byInt: { '-3': { id: '7', displayName: '', child: null } },
      nestedChoice: { id: '5', displayName: '', child: null },
      at: '1969-12-31T23:59:59.500Z',
      price: { currencyCode: 'EUR', units: '5', nanos: 1 },
    });
    expect(decode(Buffer.concat(received).subarray(5))).toEqual(decode(GOLDEN));
  },
);

/** As npm's own loader reads the bytes. */
function decode(bytes: Buffer): unknown {
  const definition = loadSync('shapes.proto', {
    includeDirs: [PROTO_FOLDER],
    longs: String,
    defaults: true,
    oneofs: true,
  });
  return (definition['shapes.v1.Shapes'] as ServiceDefinition).Echo!.requestDeserialize(bytes);
}

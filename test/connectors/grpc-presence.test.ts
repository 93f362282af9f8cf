/** What proto2 and editions say about absent fields. The bytes are written by hand: libraries disagree. */
import { readFileSync } from 'node:fs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { describe, expect, test } from 'vitest';
import { answering, frame, RawBackend } from '../support/backends/grpc/raw.ts';
import { protoFile } from '../support/backends/grpc/server.ts';
import { plainView } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway } from '../support/gateway.ts';

const OLD = /* GraphQL */ `
  type Query {
    old(id: ID, limit: Int): Answer @grpc(method: "old.v1.Old/Get", args: "{ id: $id, limit: $limit }")
  }
  type Answer {
    plain: Int
    withDefault: BigInt
    level: Level
    levelDefault: Level
    raw: Bytes
    rawDefault: Bytes
    text: String
    list: [Int!]
    part: Part
    ratio: Float
    note: String @from(path: "'.old.v1.note'")
  }
  type Part {
    name: String
  }
  enum Level {
    LOW
    HIGH
  }
`;

const EDITION = /* GraphQL */ `
  type Query {
    get(implicit: Int, explicit: Int, inner: AnswerInput): Answer @grpc(method: "edition.v1.Edition/Get")
  }
  type Answer {
    implicit: Int
    explicit: Int
    inner: Answer
  }
  input AnswerInput {
    implicit: Int
    explicit: Int
  }
`;

/** Asks a backend that answers with these bytes; gives the request's bytes too. */
async function ask(schema: string, file: string, content: Buffer, query: string, answer: readonly number[]) {
  let request = Buffer.alloc(0);
  await using backend = await RawBackend.start((stream) => {
    stream.on('data', (chunk: Buffer) => {
      request = Buffer.concat([request, chunk]);
    });
    stream.on('end', () => answering(frame(Buffer.from(answer)))(stream));
  });
  await using gateway = await startGateway({
    files: {
      'connectors/it/connector.yml': `kind: grpc\nendpoint: ${backend.url}\n${file.endsWith('.pb') ? 'descriptors' : 'proto'}: ${file}\n`,
      'connectors/it/schema.graphql': schema,
      [`connectors/it/${file}`]: content,
      'schemas/web.graphql': plainView(schema),
      'clients/web/client.yml': '{}',
    },
  });
  const { body } = await gateway.query('web', query);
  return { ...body, request: request.subarray(5) };
}

describe.each(['old.proto', 'old.pb'])('proto2 from %s', (file) => {
  const all =
    '{ old(id: "a") { plain withDefault level levelDefault raw rawDefault text list part { name } ratio note } }';
  const content = readFileSync(protoFile(file));

  test('absent is null, or the default that is declared', async () => {
    const { data, errors, request } = await ask(OLD, file, content, all, []);
    expect(errors).toBeUndefined();
    expect(data.old).toEqual({
      ...{
        plain: null,
        withDefault: '7',
        level: null,
        levelDefault: 'HIGH',
        raw: null,
        rawDefault: 'YSE=',
        text: null,
      },
      ...{ list: [], part: null, ratio: 1.5, note: null },
    });
    expect([...request]).toEqual([0x0a, 1, 0x61]);
  });

  test('zeros that were sent, a group, an extension', async () => {
    const answer = [
      0x08, 0, 0x10, 0, 0x2a, 0, 0x32, 0, 0x3a, 0, 0x40, 5, 0x4b, 0x0a, 1, 0x78, 0x4c, 0xa2, 0x06, 1, 0x79,
    ];
    const { data } = await ask(OLD, file, content, all, answer);
    expect(data.old).toMatchObject({
      plain: 0,
      withDefault: '0',
      raw: '',
      rawDefault: '',
      text: '',
      list: [5],
      part: { name: 'x' },
      note: 'y',
    });
  });

  test('a required field of the request', async () => {
    const { errors, request } = await ask(OLD, file, content, '{ old { plain } }', []);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
    expect(request).toHaveLength(0);
  });
});

describe('editions', () => {
  const query =
    '{ get(implicit: 1, explicit: 0, inner: { implicit: 3 }) { implicit explicit inner { implicit explicit } } }';
  // explicit = 0, and the inner message between group tags.
  const answer = [0x10, 0, 0x1b, 0x08, 3, 0x1c];

  test.each(['edition.proto', 'edition.pb'])('from %s', async (file) => {
    const content = file.endsWith('.proto') ? readFileSync(protoFile(file)) : editionSet();
    const { data, errors, request } = await ask(EDITION, file, content, query, answer);
    expect(errors).toBeUndefined();
    expect(data.get).toEqual({ implicit: 0, explicit: 0, inner: { implicit: 3, explicit: null } });
    expect([...request]).toEqual([0x08, 1, 0x10, 0, 0x1b, 0x08, 3, 0x1c]);
  });
});

/** What a protoc that knows editions writes for edition.proto. */
function editionSet(): Buffer {
  const set = {
    file: [
      {
        name: 'edition.proto',
        package: 'edition.v1',
        syntax: 'editions',
        edition: 'EDITION_2023',
        options: { features: { fieldPresence: 'IMPLICIT' } },
        messageType: [
          {
            name: 'Answer',
            field: [
              {
                name: 'implicit',
                number: 1,
                label: 'LABEL_OPTIONAL',
                type: 'TYPE_INT32',
                jsonName: 'implicit',
              },
              {
                name: 'explicit',
                number: 2,
                label: 'LABEL_OPTIONAL',
                type: 'TYPE_INT32',
                jsonName: 'explicit',
                options: { features: { fieldPresence: 'EXPLICIT' } },
              },
              {
                name: 'inner',
                number: 3,
                label: 'LABEL_OPTIONAL',
                type: 'TYPE_MESSAGE',
                typeName: '.edition.v1.Answer',
                jsonName: 'inner',
                options: { features: { messageEncoding: 'DELIMITED' } },
              },
            ],
          },
        ],
        service: [
          {
            name: 'Edition',
            method: [{ name: 'Get', inputType: '.edition.v1.Answer', outputType: '.edition.v1.Answer' }],
          },
        ],
      },
    ],
  };
  const type = descriptor.FileDescriptorSet;
  return Buffer.from(type.encode(type.fromObject(set)).finish());
}

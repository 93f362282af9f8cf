/** Things over gRPC: @grpc/grpc-js. */
import { readFileSync } from 'node:fs';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status as Status,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, Things } from './things.ts';

type Message = Record<string, unknown>;

const PROTO = readFileSync(new URL('things.proto', import.meta.url), 'utf8');
const SERVICE = loadSync('things.proto', {
  includeDirs: [import.meta.dirname],
  longs: String,
  defaults: true,
})['things.v1.Things'] as ServiceDefinition;
/** An unknown field of a wire type that there is not: of known fields, protobufjs does not look at it. */
const NO_MESSAGE = Buffer.from([0x7f]);

export const grpc: ConformingKind = {
  kind: 'grpc',
  lacks: {},
  async start({ tls } = {}): Promise<ThingsBackend> {
    const things = new Things();
    const streams = new Map<ServerWritableStream<Message, Message>, string>();
    const unary =
      (name: string, wrap: (value: unknown) => unknown) =>
      async (call: ServerUnaryCall<Message, Message>, send: sendUnaryData<unknown>) => {
        call.on('cancelled', () => things.cancelled++);
        const answer = await things.answer(name, call.request, call.metadata.getMap());
        if (things.cacheControl !== undefined) {
          const said = new Metadata();
          said.set('cache-control', things.cacheControl);
          call.sendMetadata(said);
        }
        switch (answer.kind) {
          case 'value':
            return send(null, wrap(answer.value));
          case 'missing':
            return send({ code: Status.NOT_FOUND, details: 'none' });
          case 'garbage':
            return send(null, NO_MESSAGE);
          case 'broken':
            return send({ code: Status.INTERNAL, details: SECRET });
          case 'denied':
            return send({ code: Status.PERMISSION_DENIED, details: SECRET });
        }
      };
    const itself = (value: unknown) => value;
    const { GetThing } = SERVICE;
    const { responseSerialize } = GetThing!;
    const service: ServiceDefinition = {
      ...SERVICE,
      GetThing: {
        ...GetThing!,
        responseSerialize: (value: unknown) =>
          Buffer.isBuffer(value) ? value : responseSerialize(value as never),
      },
    };
    const methods = {
      GetThing: unary('thing', itself),
      ThingsById: unary('thingsById', (list) => ({ things: list })),
      ListThings: unary('things', (list) => ({ things: list })),
      Echo: unary('echo', (text) => ({ text })),
      PartsOf: unary('parts', (parts) => ({ parts })),
      Rename: unary('rename', itself),
      Watch: (call: ServerWritableStream<Message, Message>) => {
        streams.set(call, String(call.request.id));
        call.on('cancelled', () => streams.delete(call)).on('error', () => streams.delete(call));
      },
    };
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(
            Buffer.from(tls.ca),
            [{ cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) }],
            true,
          );
    let server: Server | undefined;
    let port = 0;
    const up = async () => {
      if (server !== undefined) return;
      const next = new Server();
      next.addService(service, methods);
      port = await new Promise<number>((resolve, reject) => {
        next.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      server = next;
    };
    const down = async () => {
      server?.forceShutdown();
      server = undefined;
      streams.clear();
    };
    await up();
    return {
      things,
      url: `${tls === undefined ? 'grpc' : 'grpcs'}://127.0.0.1:${port}`,
      settings: 'proto: things.proto\n',
      bindings: {
        thing: '@grpc(method: "things.v1.Things/GetThing")',
        thingsById: '@grpc(method: "things.v1.Things/ThingsById")',
        things: '@grpc(method: "things.v1.Things/ListThings")',
        echo: '@grpc(method: "things.v1.Things/Echo", select: "text")',
        parts: '@grpc(method: "things.v1.Things/PartsOf", args: "{ thing: $parent.id, first: $first }")',
        rename: '@grpc(method: "things.v1.Things/Rename")',
        thingChanged: '@grpc(method: "things.v1.Things/Watch")',
      },
      files: { 'things.proto': PROTO },
      up,
      down,
      emit: (id, name) => {
        for (const [call, wanted] of streams) {
          if (wanted === id) call.write({ id, name, big: '1', constructor: 'builder' });
        }
      },
      listeners: () => streams.size,
      [Symbol.asyncDispose]: down,
    };
  },
};

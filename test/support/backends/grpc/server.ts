/** A gRPC backend made with @grpc/grpc-js and @grpc/proto-loader, with reflection, that misbehaves when asked to. */
import { join } from 'node:path';
import {
  type ChannelOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status as Status,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

/** The folder of shapes.proto and shapes.pb (made with `protoc --include_imports`). */
export const PROTO_FOLDER = import.meta.dirname;

type Message = Record<string, unknown>;
type Unary = ServerUnaryCall<Message, Message>;
type Answer = sendUnaryData<unknown>;

const THINGS = ['a', 'b', 'c'].map((id, index) => ({
  id,
  name: `Thing ${id}`,
  serialNumber: `900719925474099${index + 3}`,
  color: ['RED', 'GREEN', 'BLUE'][index],
  ...(index === 0 ? {} : { battery: index * 10 }),
  ...[{ circle: { radius: 1.5 } }, { square: { side: 2 } }, {}][index],
  seenAt: { seconds: 1_790_000_000 + index, nanos: index * 1000 },
}));

/** google.rpc.Status with ErrorInfo, BadRequest and a shapes.v1.Thing, encoded by hand: field number, wire type, length. */
const STATUS_DETAILS = encodeStatusDetails();

export interface SeenCall {
  readonly method: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly request: Message;
}

export interface StartOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly credentials?: ServerCredentials;
  readonly options?: ChannelOptions;
}

export class GrpcBackend implements AsyncDisposable {
  readonly port: number;
  readonly seen: SeenCall[] = [];
  /** Calls whose caller gave up. */
  cancelled = 0;
  /** Streams under way. */
  streams = 0;
  /** Events written so far. */
  written = 0;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start({ port = 0, credentials, options }: StartOptions = {}): Promise<GrpcBackend> {
    const definition = loadSync('shapes.proto', {
      includeDirs: [PROTO_FOLDER],
      longs: String,
      enums: String,
      defaults: false,
      oneofs: true,
      arrays: true,
    });
    const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024 ** 2, ...options });
    let backend: GrpcBackend | undefined;
    const service = definition['shapes.v1.Shapes'] as ServiceDefinition;
    // Bytes for bytes: proto-loader itself would change keys of maps on the way.
    const echo = { ...service.Echo, requestDeserialize: asIs, responseSerialize: asIs };
    server.addService(
      { ...service, Echo: echo as unknown as ServiceDefinition[string] },
      methodsOf(() => backend!),
    );
    new ReflectionService(definition).addToServer(server);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        `127.0.0.1:${port}`,
        credentials ?? ServerCredentials.createInsecure(),
        (error, used) => (error === null ? resolve(used) : reject(error)),
      );
    });
    backend = new GrpcBackend(server, bound);
    return backend;
  }

  get url(): string {
    return `grpc://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

const asIs = (bytes: Buffer) => bytes;

function methodsOf(backend: () => GrpcBackend): UntypedServiceImplementation {
  const unary = (name: string, answer: (call: Unary, send: Answer) => void) => ({
    [name]: (call: Unary, send: Answer) => {
      backend().seen.push({ method: name, metadata: call.metadata.getMap(), request: call.request });
      call.on('cancelled', () => backend().cancelled++);
      answer(call, send);
    },
  });
  return {
    ...unary('Echo', (call, send) => send(null, call.request)),
    ...unary('GetThing', (call, send) => {
      const thing = THINGS.find(({ id }) => id === call.request.id);
      if (thing === undefined) send({ code: Status.NOT_FOUND, details: 'no such thing' });
      else send(null, thing);
    }),
    ...unary('ThingsById', (call, send) => {
      const ids = call.request.ids as string[];
      send(null, { things: THINGS.filter(({ id }) => ids.includes(id)).reverse() });
    }),
    ...unary('ListThings', (call, send) => {
      const { first, filter } = call.request as { first?: number; filter?: { color?: string } };
      const fitting = THINGS.filter(({ color }) => filter?.color === undefined || color === filter.color);
      send(null, { things: fitting.slice(0, first ?? fitting.length), total: fitting.length });
    }),
    ...unary('SaveThing', (call, send) => send(null, call.request)),
    ...unary('DeleteThing', (_call, send) => send(null, {})),
    ...unary('CountThings', (_call, send) => send(null, { value: '9007199254740993' })),
    ...unary('PartsOf', (call, send) => {
      const { id, first } = call.request as { id: string; first?: number };
      send(null, { parts: Array.from({ length: first ?? 2 }, (_, index) => `${id}${index + 1}`) });
    }),
    ...unary('Newer', (_call, send) =>
      send(null, { color: 77, optionalColor: 9, colorList: [1, 99], colors: { sky: 42 }, colorChoice: 8 }),
    ),
    ...unary('Fail', (call, send) => {
      const { code, message, withDetails } = call.request as {
        code: number;
        message?: string;
        withDetails?: boolean;
      };
      const metadata = new Metadata();
      if (withDetails === true) metadata.set('grpc-status-details-bin', STATUS_DETAILS);
      send({ code, details: message ?? '', metadata });
    }),
    ...unary('Sleep', (call, send) => {
      const deadline = call.getDeadline();
      const remainingMs = Number(deadline) - Date.now();
      const timer = setTimeout(() => send(null, { remainingMs }), Number(call.request.milliseconds ?? 0));
      call.on('cancelled', () => clearTimeout(timer));
    }),
    ...unary('Big', (call, send) => {
      const { bytes } = call.request as { bytes: number };
      send(null, { data: Buffer.alloc(bytes) });
    }),
    ...unary('ReadMetadata', (call, send) => {
      const values = Object.entries(call.metadata.getMap()).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.toString('hex') : value,
      ]);
      send(null, { values: Object.fromEntries(values) });
    }),
    Watch: (call: ServerWritableStream<Message, Message>) => {
      backend().seen.push({ method: 'Watch', metadata: call.metadata.getMap(), request: call.request });
      void write(backend(), call, call.request);
    },
    Converse: (call: ServerDuplexStream<Message, Message>) => {
      call.on('data', (request: Message) => {
        backend().seen.push({ method: 'Converse', metadata: call.metadata.getMap(), request });
        void write(backend(), call, request);
      });
      call.on('end', () => call.end());
    },
  };
}

/** Writes as fast as the reader takes, and ends as the request says. A count of zero is endless. */
async function write(
  backend: GrpcBackend,
  call: ServerWritableStream<Message, Message> | ServerDuplexStream<Message, Message>,
  request: Message,
): Promise<void> {
  const { topic = '', count = 0, failAfter = 0, failCode = 0 } = request as Record<string, number>;
  backend.streams++;
  const ended = new Promise<void>((resolve) => {
    call.on('cancelled', () => {
      backend.cancelled++;
      resolve();
    });
    call.on('close', resolve);
  });
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  for (let number = 1; (count === 0 || number <= count) && !gone; number++) {
    const room = call.write({ topic, number, at: { seconds: 1_790_000_000 + number } });
    backend.written++;
    if (number === failAfter) {
      call.emit('error', { code: failCode, details: 'told to fail' });
      break;
    }
    if (!room) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), ended]);
    if (count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (!gone && failAfter === 0 && count > 0) call.end();
  backend.streams--;
}

function encodeStatusDetails(): Buffer {
  const field = (number: number, bytes: Buffer) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  const text = (number: number, value: string) => field(number, Buffer.from(value));
  const any = (type: string, value: Buffer) =>
    field(3, Buffer.concat([text(1, `type.googleapis.com/${type}`), field(2, value)]));
  return Buffer.concat([
    Buffer.from([0x08, 9]),
    text(2, 'said twice'),
    any('google.rpc.ErrorInfo', Buffer.concat([text(1, 'OUT_OF_STOCK'), text(2, 'shapes')])),
    any('google.rpc.BadRequest', field(1, Buffer.concat([text(1, 'thing.id'), text(2, 'too short')]))),
    any('google.rpc.DebugInfo', text(1, 'at secret.ts:1')),
    any('shapes.v1.Circle', Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f])),
  ]);
}

export function protoFile(name: string): string {
  return join(PROTO_FOLDER, name);
}

/**
 * The load: a fixed number of keep-alive connections, each with one request in flight. HTTP/1.1 is read here directly from the
 * sockets, since any client library would take the processor time that the backends need.
 */
import { connect, type Socket } from 'node:net';

const ANSWER_DEADLINE_MS = 30_000;

export interface Load {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** JSON bodies, sent in turn. */
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly durationMs: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Sorted, in milliseconds. */
  readonly latencies: Float64Array;
}

/** Opens the connections, sends requests until the time is over and waits for the last answers. @throws when an answer is not 200 */
export async function runLoad(load: Load): Promise<LoadResult> {
  const requests = load.bodies.map((body) => toRequest(load, body));
  const lanes = await Promise.all(Array.from({ length: load.connections }, () => Lane.open(load.url)));
  const latencies: number[] = [];
  let next = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + load.durationMs;
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        do {
          const sentAt = performance.now();
          const { status, body } = await lane.send(requests[next++ % requests.length]!);
          latencies.push(performance.now() - sentAt);
          if (status !== 200) throw new Error(`answered ${status}: ${body.toString('utf8').slice(0, 500)}`);
        } while (performance.now() < endsAt);
      }),
    );
  } finally {
    for (const lane of lanes) lane.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { requests: latencies.length, seconds, latencies: Float64Array.from(latencies).sort() };
}

/** One request on a connection of its own. */
export async function ask(
  target: Pick<Load, 'url' | 'headers'>,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const lane = await Lane.open(target.url);
  try {
    const answer = await lane.send(toRequest(target, body));
    return { status: answer.status, body: answer.body.toString('utf8') };
  } finally {
    lane.close();
  }
}

function toRequest({ url, headers = {} }: Pick<Load, 'url' | 'headers'>, body: string): Buffer {
  const { pathname, host } = new URL(url);
  const lines = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    'accept: application/json',
    'content-type: application/json',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

interface Head {
  readonly status: number;
  readonly bodyAt: number;
  readonly length: number | 'chunked';
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

class Lane {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #bytes = 0;
  #head: Head | undefined;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  static async open(url: string): Promise<Lane> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Lane(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(ANSWER_DEADLINE_MS, () => this.#fail(new Error('no answer in time')));
    socket.on('data', (chunk) => this.#receive(chunk as Buffer));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    this.#head ??= this.#readHead();
    if (this.#head === undefined) return;
    const { status, bodyAt, length } = this.#head;
    if (length !== 'chunked') {
      if (this.#bytes >= bodyAt + length) this.#finish(status, this.#all().subarray(bodyAt, bodyAt + length));
      return;
    }
    // The last chunk may come in pieces.
    const all = this.#all();
    if (all.subarray(-5).equals(LAST_CHUNK)) this.#finish(status, unchunk(all.subarray(bodyAt)));
  }

  #readHead(): Head | undefined {
    const all = this.#all();
    const end = all.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const head = all.toString('latin1', 0, end).toLowerCase();
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    if (length === undefined && !/\r\ntransfer-encoding: *chunked/.test(head)) {
      this.#fail(new Error(`an answer without a length: ${head}`));
      return undefined;
    }
    return {
      status: Number(head.slice(9, 12)),
      bodyAt: end + 4,
      length: length === undefined ? 'chunked' : Number(length),
    };
  }

  #all(): Buffer {
    if (this.#received.length > 1) this.#received = [Buffer.concat(this.#received, this.#bytes)];
    return this.#received[0]!;
  }

  #finish(status: number, body: Buffer): void {
    const { resolve } = this.#waiting!;
    this.#received = [];
    this.#bytes = 0;
    this.#head = undefined;
    this.#waiting = undefined;
    resolve({ status, body });
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#socket.destroy();
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function unchunk(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

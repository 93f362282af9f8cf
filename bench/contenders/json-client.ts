/** How those who write a BFF by hand ask a backend for JSON. Two ways: the usual one, and the leanest that undici has. */
import { type Dispatcher, Pool } from 'undici';

export interface JsonClient {
  /** @throws when the status is not 2xx or the body is no JSON */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<unknown>;
}

const POOL = { connections: 128, pipelining: 1, headersTimeout: 5000, bodyTimeout: 5000 } as const;
const ACCEPT = { accept: 'application/json' };

/** `undici.request` on a keep-alive pool. */
export function requestClient(url: string): JsonClient {
  const { origin } = new URL(url);
  const pool = new Pool(origin, POOL);
  const send = async (options: Omit<Dispatcher.RequestOptions, 'origin'>) => {
    const { statusCode, body } = await pool.request(options);
    if (statusCode < 200 || statusCode > 299) {
      await body.dump();
      throw new Error(`${origin}${options.path} answered ${statusCode}`);
    }
    return body.json();
  };
  return {
    get: (path) => send({ method: 'GET', path, headers: ACCEPT }),
    post: (path, body, headers) =>
      send({
        method: 'POST',
        path,
        headers: { ...ACCEPT, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
  };
}

/** `dispatch` with a handler of its own: no streams, no promises per chunk. */
export function dispatchClient(url: string): JsonClient {
  const { origin } = new URL(url);
  const pool = new Pool(origin, POOL);
  const send = (options: Omit<Dispatcher.DispatchOptions, 'origin'>) =>
    new Promise<unknown>((resolve, reject) => {
      pool.dispatch(options, new JsonHandler(resolve, reject));
    });
  return {
    get: (path) => send({ method: 'GET', path, headers: ACCEPT }),
    post: (path, body, headers) =>
      send({
        method: 'POST',
        path,
        headers: { ...ACCEPT, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
  };
}

class JsonHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: Error) => void;
  #status = 0;
  #chunks: Buffer[] = [];

  constructor(resolve: (value: unknown) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#status < 200 || this.#status > 299) {
      this.#reject(new Error(`answered ${this.#status}`));
      return;
    }
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    try {
      this.#resolve(JSON.parse(body.toString('utf8')));
    } catch (error) {
      this.#reject(error as Error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

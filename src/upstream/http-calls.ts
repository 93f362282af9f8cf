/** How connectors that speak HTTP ask: each call for itself, or, where connector.yml says so, what is asked the same once for many. */
import type { CommonSettings } from '../connectors/settings.ts';
import type { Breaker } from './breaker.ts';
import type { Waiting } from './deadline.ts';
import { HttpClient, type HttpClientSettings, type HttpRequest, type HttpResponse } from './http.ts';
import { worthOf } from './kept-replies.ts';
import { type SharedCall, SharedCalls, type SharingSetup } from './shared-calls.ts';

export interface HttpCalls extends AsyncDisposable {
  /** As {@link HttpClient.request}. */
  request<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result>;
}

export interface HttpCallsSetup extends SharingSetup {
  readonly settings: HttpClientSettings & Pick<CommonSettings, 'endpoint' | 'headers' | 'identity'>;
  readonly breaker: Breaker | undefined;
}

export function openHttpCalls(setup: HttpCallsSetup): HttpCalls {
  const { name, settings, breaker } = setup;
  const client = new HttpClient(name, settings.endpoint, { ...settings, breaker });
  const shared = SharedCalls.of<HttpResponse>(setup);
  return shared === undefined ? client : new SharedHttpCalls(client, shared);
}

class SharedHttpCalls implements HttpCalls {
  readonly #client: HttpClient;
  readonly #shared: SharedCalls<HttpResponse>;

  constructor(client: HttpClient, shared: SharedCalls<HttpResponse>) {
    this.#client = client;
    this.#shared = shared;
  }

  request<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result> {
    if (request.isRead !== true) return this.#change(request, context, read);
    const { method, path, headers, body, mayKeep } = request;
    const call: SharedCall<HttpResponse> = {
      ...{ method, path, headers, body },
      send: (waiting: Waiting, conditions: Readonly<Record<string, string>>) =>
        this.#client.request({ ...request, headers: { ...headers, ...conditions } }, waiting, whole),
      // What cannot be read is a failure, whatever its status says.
      worthOf: (response: HttpResponse) => {
        const worth = worthOf(() => read(response));
        return worth === 'good' && mayKeep?.(response) === false ? 'fleeting' : worth;
      },
    };
    return this.#shared.ask(call, context).then(read);
  }

  /** What is no read may have changed what is kept of the same address (RFC 9111, 4.4), unless it was refused. */
  #change<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result> {
    let isRefused = false;
    const seen = (response: HttpResponse): Result => {
      isRefused = response.status >= 400 && response.status < 500;
      return read(response);
    };
    return this.#client.request(request, context, seen).finally(() => {
      if (!isRefused) this.#shared.changed(request.path);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

function whole(response: HttpResponse): HttpResponse {
  return response;
}

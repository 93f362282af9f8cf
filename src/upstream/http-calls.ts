/** How connectors that speak HTTP ask: each call for itself, or, where connector.yml says so, what is asked the same once for many. */
import { z } from 'zod';
import type { CommonSettings } from '../connectors/settings.ts';
import { byteSize } from '../units.ts';
import type { Breaker } from './breaker.ts';
import type { Waiting } from './deadline.ts';
import { HttpClient, type HttpClientSettings, type HttpRequest, type HttpResponse } from './http.ts';
import type { OutOfDate } from './http-cache.ts';
import { SharedCalls } from './shared-calls.ts';

export interface HttpCalls extends AsyncDisposable {
  /** As {@link HttpClient.request}. */
  request<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result>;
}

/** The key of connector.yml for kinds that speak HTTP. */
export const dedupe = z.boolean().default(false);

/** The key of connector.yml for kinds that ask by GET. */
export const httpCache = z
  .strictObject({
    /** Of all answers that are kept. */
    maxBytes: byteSize.default(16 * 1024 ** 2),
    /** A longer answer is not kept. */
    maxEntryBytes: byteSize.default(1024 ** 2),
  })
  .optional();

export type HttpCacheSettings = NonNullable<z.output<typeof httpCache>>;

export interface HttpCallsSetup {
  readonly name: string;
  readonly settings: HttpClientSettings & Pick<CommonSettings, 'endpoint' | 'headers'>;
  readonly options: { readonly dedupe: boolean; readonly cache?: HttpCacheSettings | undefined };
  readonly breaker: Breaker | undefined;
  readonly outOfDate: OutOfDate;
}

export function openHttpCalls({ name, settings, options, breaker, outOfDate }: HttpCallsSetup): HttpCalls {
  const client = new HttpClient(name, settings.endpoint, { ...settings, breaker });
  const { dedupe, cache } = options;
  return dedupe || cache !== undefined
    ? new SharedCalls(client, { name, dedupe, cache, forward: settings.headers.forward, outOfDate })
    : client;
}

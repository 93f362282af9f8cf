/** What an HTTP status of a backend means, whatever kind of connector speaks HTTP. */
import { UpstreamError } from '../errors.ts';
import type { HttpResponse } from './http.ts';

const DETAIL_BYTES = 4096;

/** The typed error of a status outside 200–299. */
export function toStatusError(connector: string, response: HttpResponse): UpstreamError {
  const { status } = response;
  return new UpstreamError(codeOfStatus(status), connector, {
    internal: `answered ${status}`,
    status: String(status),
    detail: detailOf(response),
  });
}

export function codeOfStatus(status: number) {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return 'UPSTREAM_DENIED';
    case 404:
    case 410:
      return 'UPSTREAM_NOT_FOUND';
    case 409:
    case 412:
      return 'UPSTREAM_CONFLICT';
    case 408:
    case 504:
      return 'UPSTREAM_TIMEOUT';
    case 429:
      return 'UPSTREAM_LIMITED';
    case 502:
    case 503:
      return 'UPSTREAM_UNAVAILABLE';
  }
  if (status >= 500) return 'UPSTREAM_FAILED';
  // Redirects are never followed: where they lead is not configured.
  return status < 400 ? 'UPSTREAM_INVALID' : 'UPSTREAM_REJECTED';
}

function detailOf({ body }: HttpResponse): unknown {
  if (body.length === 0) return undefined;
  const text = body.toString('utf8', 0, DETAIL_BYTES);
  if (body.length > DETAIL_BYTES) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

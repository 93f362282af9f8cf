/** What HTTP says of how long an answer may be kept (RFC 9111), and whether its caller has it already. */
import type { ServerResponse } from 'node:http';
import type { Freshness } from '../operation/answer.ts';

/** Of answers that nobody may keep. */
const NOT_KEPT: readonly string[] = ['cache-control', 'no-store'];

/** Names and values in turn. */
export function freshnessHeaders(
  response: ServerResponse,
  freshness: Freshness | undefined,
): readonly string[] {
  if (freshness === undefined) return NOT_KEPT;
  const { cacheControl, vary, age, etag, status } = freshness;
  // Where origins are told apart, it is set already.
  const earlier = response.getHeader('vary');
  const headers = [
    'cache-control',
    cacheControl,
    'vary',
    earlier === undefined ? vary : `${String(earlier)}, ${vary}`,
    'age',
    String(age),
    'cache-status',
    status,
  ];
  if (etag !== undefined) headers.push('etag', etag);
  return headers;
}

/** Whether the caller of a GET has the answer. @param ifNoneMatch the header; undefined for other methods (RFC 9110, 13.1.2) */
export function isHadAlready(ifNoneMatch: string | undefined, freshness: Freshness | undefined): boolean {
  const etag = freshness?.etag;
  if (ifNoneMatch === undefined || etag === undefined) return false;
  const plain = etag.replace(/^W\//, '');
  return ifNoneMatch.split(',').some((one) => {
    const text = one.trim();
    return text === '*' || text.replace(/^W\//, '') === plain;
  });
}

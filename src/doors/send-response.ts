/** From fetch responses and streams to responses of node:http, as fast as their reader reads. */
import type { ServerResponse } from 'node:http';

/** Sends a fetch response; streams are sent as they come and stopped when the caller leaves. */
export async function sendFetchResponse(response: ServerResponse, answer: Response): Promise<void> {
  response.statusCode = answer.status;
  // Not in lower case, nor in any order, where it is not undici's.
  const given = new Headers([...answer.headers]);
  for (const [name, value] of given) {
    if (name === 'vary') response.appendHeader(name, value);
    // What Yoga says of event streams, for proxies to leave them alone, is no coding (RFC 9110, 8.4.1); this says it (RFC 9111, 5.2.2.6).
    else if (name === 'content-encoding' && value === 'none')
      response.appendHeader('cache-control', 'no-transform');
    else response.setHeader(name, value);
  }
  if (answer.body === null) {
    response.end();
    return;
  }
  const reader = answer.body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  response.once('close', stop);
  try {
    response.flushHeaders();
    // Who has left before this was called is told of by no event any more.
    while (!response.destroyed) {
      const { done, value } = await reader.read();
      if (done || response.destroyed) break;
      if (!response.write(value)) await drained(response);
    }
  } finally {
    stop();
  }
  response.end();
}

/** Resolves when a slow reader has caught up, or has left. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.once('drain', settle);
    response.once('close', settle);
  });
}

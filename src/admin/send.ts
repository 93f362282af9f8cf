/** Answers of the admin listener: nobody may keep them, or take them for anything else than they say. */
import type { ServerResponse } from 'node:http';

export function send(
  response: ServerResponse,
  {
    status = 200,
    contentType,
    text,
  }: { readonly status?: number; readonly contentType: string; readonly text: string },
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

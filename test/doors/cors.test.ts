/** Which web pages may call: those of listed origins, none by default, over HTTP as over websocket. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask } from './ask.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

const OURS = 'https://app.example';
const THEIRS = 'https://evil.example';

let backend: ThingsBackend;
let closed: TestGateway;
let listed: TestGateway;
let open: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  closed = await startGateway(thingsFiles(backend.url));
  listed = await startGateway(thingsFiles(backend.url, { client: `cors: { origins: [${OURS}] }` }));
  open = await startGateway(thingsFiles(backend.url, { client: 'cors: { origins: ["*"] }' }));
});
afterAll(async () => {
  for (const gateway of [closed, listed, open]) await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const allowed = (headers: Headers) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-request-id',
  },
});

describe('without a list', () => {
  it('no page may call', async () => {
    const { headers } = await ask(closed, { search: '?query={__typename}', headers: { origin: OURS } });
    expect(allowed(headers)).toEqual([]);
    const asked = await ask(closed, preflight(OURS));
    expect(asked.status).toBe(405);
    expect(allowed(asked.headers)).toEqual([]);
  });
});

describe('with a list', () => {
  it('pages of a listed origin may', async () => {
    const asked = await ask(listed, preflight(OURS));
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': OURS,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type,x-request-id',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    });
    const { headers } = await ask(listed, { search: '?query={__typename}', headers: { origin: OURS } });
    expect(headers.get('access-control-allow-origin')).toBe(OURS);
    const readable = headers.get('access-control-expose-headers')!.split(', ');
    for (const name of ['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after', 'etag'])
      expect(readable).toContain(name);
  });

  it('may read refusals, too', async () => {
    const { status, headers } = await ask(listed, { method: 'PUT', headers: { origin: OURS } });
    expect(status).toBe(405);
    expect(headers.get('access-control-allow-origin')).toBe(OURS);
  });

  it.each([THEIRS, 'null', `${OURS}.evil.example`, 'http://app.example'])(
    'pages of %s may not',
    async (origin) => {
      const asked = await ask(listed, preflight(origin));
      expect(asked.status).toBe(405);
      const { headers } = await ask(listed, { search: '?query={__typename}', headers: { origin } });
      expect(allowed(headers)).toEqual([]);
      expect(headers.get('vary')).toBe('Origin');
    },
  );

  it('caches learn that the answer depends on the origin, also without one', async () => {
    const { headers } = await ask(listed, { search: '?query={__typename}' });
    expect(headers.get('vary')).toBe('Origin');
  });
});

describe('with "*"', () => {
  it('every page may, without credentials', async () => {
    const { headers } = await ask(open, { search: '?query={__typename}', headers: { origin: THEIRS } });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });
});

describe('a websocket', () => {
  async function statusFor(gateway: TestGateway, origin: string | undefined): Promise<number> {
    const url = `${gateway.url.replace('http', 'ws')}/web/graphql`;
    const socket = new WebSocket(url, 'graphql-transport-ws', { origin });
    try {
      const opened = once(socket, 'open').then(() => 101);
      const refused = once(socket, 'unexpected-response').then(
        ([, response]) => response.statusCode as number,
      );
      return await Promise.race([opened, refused]);
    } finally {
      socket.on('error', () => {});
      socket.terminate();
    }
  }

  it('opens for programs, for the own page and for listed origins only', async () => {
    expect(await statusFor(closed, undefined)).toBe(101);
    expect(await statusFor(closed, closed.url)).toBe(101);
    expect(await statusFor(closed, OURS)).toBe(403);
    expect(await statusFor(closed, 'null')).toBe(403);
    expect(await statusFor(listed, OURS)).toBe(101);
    expect(await statusFor(listed, THEIRS)).toBe(403);
    expect(await statusFor(open, THEIRS)).toBe(101);
  });
});

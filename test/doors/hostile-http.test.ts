/** Requests that different readers would read differently, or that never end: refused, and the connection is closed. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { open, readAll, sendRaw } from './raw-http.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let gateway: TestGateway;
let host: string;
beforeAll(async () => {
  backend = await startThings();
  const hem = 'listen: { headersTimeout: 200ms, requestTimeout: 400ms }';
  gateway = await startGateway(thingsFiles(backend.url, { hem }));
  host = gateway.url.replace('http://', '');
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const BODY = '{"query":"mutation { touch }"}';
const SMUGGLED = 'GET /web/schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n';

function request(headers: readonly string[], body = BODY, line = 'POST /web/graphql HTTP/1.1'): string {
  return [line, `Host: ${host}`, 'Content-Type: application/json', ...headers, '', body].join('\r\n');
}

const length = `Content-Length: ${BODY.length}`;

it('a request of good form is answered', async () => {
  const { statuses, closed } = await sendRaw(gateway.url, request([length]));
  expect({ statuses, closed }).toEqual({ statuses: [200], closed: false });
});

describe('framing', () => {
  it.each([
    ['length and chunks', [length, 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
    ['chunks and length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], `5c\r\n${BODY}\r\n0\r\n\r\n`],
    ['two lengths', [length, 'Content-Length: 3'], BODY],
    ['the same length twice', [length, length], BODY],
    ['a list of lengths', [`Content-Length: ${BODY.length}, ${BODY.length}`], BODY],
    ['a length with a sign', [`Content-Length: +${BODY.length}`], BODY],
    ['a negative length', ['Content-Length: -1'], BODY],
    ['a length in hexadecimal', [`Content-Length: 0x${BODY.length.toString(16)}`], BODY],
    ['a length beyond measure', ['Content-Length: 99999999999999999999'], BODY],
    ['an unknown coding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
    ['a coding that is not the last', ['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`],
    ['a hidden coding', ['Transfer-Encoding : chunked'], `0\r\n\r\n${SMUGGLED}`],
    ['a chunk of no size', ['Transfer-Encoding: chunked'], `xyz\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk of negative size', ['Transfer-Encoding: chunked'], `-1\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], `2\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk of enormous size', ['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`],
    ['a folded header', [length, 'X-A: b\r\n c'], BODY],
    ['a header without a colon', [length, 'nonsense'], BODY],
    ['a header with NUL', [length, 'X-A: a\0b'], BODY],
    ['a header name with a space', [length, 'X A: b'], BODY],
  ])('%s', async (_what, headers, body) => {
    const before = backend.touched;
    const { statuses, closed, text } = await sendRaw(gateway.url, request(headers, body));
    expect(statuses).toEqual([400]);
    expect(closed).toBe(true);
    expect(text).not.toContain('type Query');
    expect(backend.touched).toBe(before);
  });

  it('bare line feeds', async () => {
    const { statuses, closed } = await sendRaw(gateway.url, request([length]).replaceAll('\r\n', '\n'));
    expect({ statuses, closed }).toEqual({ statuses: [400], closed: true });
  });

  it('headers beyond measure', async () => {
    const { statuses, closed } = await sendRaw(gateway.url, request([length, `X-A: ${'a'.repeat(20_000)}`]));
    expect({ statuses, closed }).toEqual({ statuses: [431], closed: true });
  });

  it('garbage instead of a request', async () => {
    for (const bytes of [
      '\0\0\0\0',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\x16\x03\x01\x02\x00',
      'GET\r\n\r\n',
    ]) {
      const { statuses, closed } = await sendRaw(gateway.url, bytes);
      expect({ statuses, closed }).toEqual({ statuses: [400], closed: true });
    }
  });
});

describe('who is asked', () => {
  it.each([
    ['two hosts', request([length, 'Host: other'])],
    ['the same host twice', request([length, `Host: x`])],
    ['no host', `GET /web/graphql?query={__typename} HTTP/1.1\r\n\r\n`],
    ['a target of another host', request([length], BODY, 'POST http://other/web/graphql HTTP/1.1')],
    ['a target of another protocol', request([length], BODY, `POST ftp://${host}/web/graphql HTTP/1.1`)],
    ['a target with a password', request([length], BODY, `POST http://a:b@${host}/web/graphql HTTP/1.1`)],
    ['two media types', request([length, 'Content-Type: text/plain'])],
    ['two origins', request([length, 'Origin: http://a', 'Origin: http://b'])],
  ])('%s is not clear', async (_what, bytes) => {
    const before = backend.touched;
    const { statuses, closed } = await sendRaw(gateway.url, bytes);
    expect({ statuses, closed }).toEqual({ statuses: [400], closed: true });
    expect(backend.touched).toBe(before);
  });

  it('an absolute target of the own host is as good as a path', async () => {
    const line = `POST http://${host}/web/graphql HTTP/1.1`;
    expect((await sendRaw(gateway.url, request([length], BODY, line))).statuses).toEqual([200]);
  });

  it.each([
    '*',
    'web/graphql',
    '/../web/graphql',
    '//web/graphql',
    '/web//graphql',
    '/web/graphql%00',
    '/web\\graphql',
  ])('the target %s finds nothing, or is none', async (target) => {
    const { statuses } = await sendRaw(gateway.url, `OPTIONS ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(statuses[0]).toBeLessThan(500);
  });

  it.each(['CONNECT', 'TRACE', 'M-SEARCH'])('%s is not spoken', async (method) => {
    const { statuses } = await sendRaw(
      gateway.url,
      `${method} /web/graphql HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    expect(statuses.every((status) => status >= 400 && status < 500)).toBe(true);
  });
});

describe('an upgrade', () => {
  const upgrade = (to: string, path = '/web/graphql?query={__typename}', more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n${more}\r\n`;

  const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

  it('to another protocol is left alone: the request is answered', async () => {
    expect((await sendRaw(gateway.url, upgrade('h2c'))).statuses).toEqual([200]);
  });

  it.each([
    ['without a key', upgrade('websocket'), 400],
    ['where nothing is', upgrade('websocket', '/web/schema.graphql'), 404],
    ['of an unknown client', upgrade('websocket', '/other/graphql'), 404],
    ['with two hosts', upgrade('websocket', '/web/graphql', 'Host: x\r\n'), 400],
    ['by POST', upgrade('websocket', '/web/graphql').replace('GET', 'POST'), 405],
    ['of another version', upgrade('websocket', '/web/graphql', `${KEY}Sec-WebSocket-Version: 7\r\n`), 400],
  ])('%s is refused', async (_what, bytes, status) => {
    const { statuses, closed } = await sendRaw(gateway.url, bytes);
    expect({ statuses, closed }).toEqual({ statuses: [status], closed: true });
  });

  it('behind a request that is not answered yet waits for that answer', async () => {
    const body = JSON.stringify({ query: '{ __typename }' });
    const post = `POST /web/graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const good = `${KEY}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n`;
    for (let count = 0; count < 5; count++) {
      const { statuses, text } = await sendRaw(
        gateway.url,
        post + post + upgrade('websocket', undefined, good),
      );
      expect(statuses).toEqual([200, 200, 101]);
      expect(text.lastIndexOf('"__typename":"Query"')).toBeLessThan(text.indexOf('101 Switching'));
    }
  });

  it('behind a request that is not answered yet, by a peer that is gone, harms nobody', async () => {
    const body = JSON.stringify({ query: '{ __typename }' });
    const post = `POST /web/graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let count = 0; count < 40; count++) {
      const socket = await open(gateway.url);
      socket.write(post + upgrade('websocket', undefined, KEY));
      await new Promise((resolve) => setTimeout(resolve, count % 4));
      socket.resetAndDestroy();
    }
    expect((await sendRaw(gateway.url, request([length], BODY))).statuses).toEqual([200]);
  });

  it('behind requests that are not answered yet, by a peer that is gone, leaves none of them behind', async () => {
    const body = JSON.stringify({ query: '{ hanging { id } }' });
    const post = `POST /web/graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const socket = await open(gateway.url);
    socket.write(post + post + upgrade('websocket', undefined, KEY));
    await expect.poll(() => backend.hanging.size).toBe(2);
    socket.resetAndDestroy();
    await expect.poll(() => backend.hanging.size, { timeout: 2000 }).toBe(0);
  });

  it('behind a trusted proxy is judged by what was sent, and by the host that is believed', async () => {
    await using behind = await startGateway({
      files: {
        'hem.yml': JSON.stringify({
          trustedProxies: { addresses: ['127.0.0.1'], headers: ['forwarded', 'x-forwarded-host'] },
        }),
        'connectors/a/connector.yml': 'kind: rest\nendpoint: http://a.test',
        'connectors/a/schema.graphql': 'type Query { a: String @rest(get: "/a") }',
        'schemas/web.graphql': 'type Query { a: String }',
        'clients/web/client.yml': '{}',
      },
    });
    const at = new URL(behind.url).host;
    const good = `${KEY}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n`;
    const twice = 'Authorization: a\r\nAuthorization: b\r\n';
    const status = async (path: string, more: string) => {
      const bytes = upgrade('websocket', path, good + more).replace(`Host: ${host}`, `Host: ${at}`);
      return (await sendRaw(behind.url, bytes)).statuses[0];
    };
    expect(await status('/web/graphql', '')).toBe(101);
    expect(await status('/web/graphql', twice)).toBe(400);
    expect(await status('/web/graphql', `${twice}Forwarded: for=1.2.3.4;proto=https\r\n`)).toBe(400);
    const shown = 'X-Forwarded-Host: public.test\r\n';
    expect(await status(`http://${at}/web/graphql`, shown)).toBe(101);
    expect(await status('http://public.test/web/graphql', shown)).toBe(400);
  });
});

describe('slowness', () => {
  const WITHIN_MS = 2000;

  it.each([
    ['nothing at all', ''],
    ['half of the headers', 'POST /web/graphql HTTP/1.1\r\nHost:'],
    ['half of the body', request(['Content-Length: 1000'], '{')],
    ['chunks without an end', request(['Transfer-Encoding: chunked'], '1\r\n{\r\n')],
  ])('a caller that sends %s is given up', async (_what, bytes) => {
    const { statuses, closed } = await sendRaw(gateway.url, bytes, WITHIN_MS);
    expect(closed).toBe(true);
    expect(statuses).toEqual([408]);
  });

  it('others do not notice', async () => {
    const slow = await Promise.all(Array.from({ length: 50 }, () => open(gateway.url)));
    const { status } = await gateway.query('web', '{ thing(id: 1) { name } }');
    expect(status).toBe(200);
    for (const socket of slow) socket.destroy();
  });

  it('a body that drips is given up, too', async () => {
    const socket = await open(gateway.url);
    socket.write(request(['Content-Length: 1000'], ''));
    const drip = setInterval(() => socket.write('{'), 20);
    const { statuses, closed } = await readAll(socket, WITHIN_MS);
    clearInterval(drip);
    expect({ statuses, closed }).toEqual({ statuses: [408], closed: true });
  });
});

describe('bodies that are too large', () => {
  const chunk = 'x'.repeat(64 * 1024);

  it('are refused when they say so', async () => {
    const { statuses, closed } = await sendRaw(gateway.url, request(['Content-Length: 999999999'], chunk));
    expect({ statuses, closed }).toEqual({ statuses: [413], closed: true });
  });

  it('and when they do not: the sender reads the answer after it has sent all', async () => {
    async function* endless() {
      for (let sent = 0; sent < 4 * 1024 ** 2; sent += chunk.length) yield new TextEncoder().encode(chunk);
    }
    const response = await fetch(`${gateway.url}/web/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Readable.toWeb(Readable.from(endless())),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BODY_TOO_LARGE' } }] });
  });
});

/** REST through a gateway, against an HTTP server that keeps what it was sent. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestBackend, startRestGateway } from '../support/backends/rest.ts';
import type { GraphQLBody, TestGateway } from '../support/gateway.ts';

/** Claims are of tokens, which nobody has here. */
const SECRET = 'a secret of at least thirty-two characters';

const WITH_TOKENS = JSON.stringify({
  uploads: {},
  auth: { jwt: { issuers: [{ issuer: 'https://id.example', audience: 'web', secret: SECRET }] } },
});

const SCHEMA = /* GraphQL */ `
  type Query {
    item(id: ID!): JSON @rest(get: "/items/{id}")
    found(id: ID!): Item @lookup @rest(get: "/items/{id}")
    file(folder: String!, name: String!, type: String!): JSON @rest(get: "/files/{folder}/{name}.{type}/raw")
    search(text: String, tags: [String!], ids: [ID], first: Int = 20, exact: Boolean, near: Point): JSON
      @rest(get: "/search?q={text}&tag={tags}&ids={ids|csv}&limit={first}&exact={exact}&at={near.lat},{near.lon}&fixed=1&flag")
    onlySearch(text: String): JSON @rest(get: "/search?q={text}")
    headed(etag: String!, tags: [String!]!): JSON
      @rest(get: "/headed", headers: [{ name: "If-None-Match", value: "\\"{etag}\\"" }, { name: "X-Tags", value: "{tags|csv}" }, { name: "Accept", value: "application/vnd.shop+json" }])
    root: JSON @rest(get: "/")
    exists(id: ID!): Boolean @rest(head: "/items/{id}")
    selected: [JSON!] @rest(get: "/selected", select: "data.items[].value")
    text: String @rest(get: "/text")
    number: Int @rest(get: "/text")
    anItem: Item @rest(get: "/text")
    claimed: JSON @rest(get: "/claimed?sub={claims.sub}")
    perhapsClaimed: JSON @rest(get: "/claimed?sub={claims.sub?}")
    claimedBody: JSON @rest(post: "/claimed", body: "{ of: $claims.'https://example.com/team', first: 5 }")
    claimedArgument(of: ID @is(claim: "sub")): JSON @rest(get: "/claimed?of={of}")
    perhapsClaimedArgument(of: ID @is(claim: "sub?")): JSON @rest(get: "/claimed?of={of}")
  }
  type Mutation {
    post(name: String, tags: [String!], deep: Deep, big: BigInt): JSON
      @rest(post: "/items", body: "{ name: $name, tags: $tags, inner: { deep: $deep, big: $big }, fixed: [1, \\"two\\", true, null], list: [$name] }")
    postAll(input: JSON): JSON @rest(post: "/items", body: "$input")
    postNothing: Boolean @rest(post: "/items")
    put(id: ID!, name: String): JSON @rest(put: "/items/{id}", body: "{ name: $name }")
    patch(id: ID!, name: String): JSON
      @rest(patch: "/items/{id}", body: "{ name: $name }", headers: [{ name: "Content-Type", value: "application/merge-patch+json" }])
    delete(id: ID!): Boolean @rest(delete: "/items/{id}")
    form(name: String, tags: [String!], deep: Deep): JSON @rest(post: "/form", form: "{ name: $name, tag: $tags, deep: $deep, fixed: 1 }")
    upload(photo: Upload!, more: [Upload!], caption: String): JSON
      @rest(post: "/upload", multipart: "{ photo: $photo, more: $more, caption: $caption, none: $caption }")
  }
  type Item @key(fields: "id") { id: ID!  name: String  similar(first: Int): JSON @rest(get: "/items/{parent.id}/similar?limit={first}") }
  input Point { lat: Float!  lon: Float }
  input Deep { a: Int  b: Deep }
`;

let backend: RestBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await RestBackend.start();
  gateway = await startRestGateway(backend, {
    client: WITH_TOKENS,
    endpoint: `${backend.url}/api/v2/`,
    schema: SCHEMA,
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

async function ask(query: string, variables?: Record<string, unknown>): Promise<GraphQLBody> {
  return (await gateway.query('web', query, { variables })).body;
}

/** What was sent for one field, as "METHOD url". */
async function sentFor(query: string, variables?: Record<string, unknown>): Promise<string> {
  const before = backend.seen.length;
  const { errors } = await ask(query, variables);
  const { method, url } = backend.seen[before] ?? {
    method: 'nothing',
    url: String(errors?.[0]?.extensions.code),
  };
  return `${method} ${url}`;
}

const codeOf = ({ errors }: GraphQLBody) => errors?.[0]?.extensions.code;

describe('the URL', () => {
  test('stands below the endpoint’s path', async () => {
    expect(await sentFor('{ item(id: "7") }')).toBe('GET /api/v2/items/7');
    expect(await sentFor('{ root }')).toBe('GET /api/v2/');
  });

  test.each([
    ['a b', 'a%20b'],
    ['a/b', 'a%2Fb'],
    ['../../admin', '..%2F..%2Fadmin'],
    ['%2e%2e%2f', '%252e%252e%252f'],
    ['..;', '..%3B'],
    ['\\', '%5C'],
    ['a?b=c#d&e', 'a%3Fb%3Dc%23d%26e'],
    ['//evil', '%2F%2Fevil'],
    ['@evil:80', '%40evil%3A80'],
    ['a\r\nb\u0000', 'a%0D%0Ab%00'],
    ['žluť 🚲', '%C5%BElu%C5%A5%20%F0%9F%9A%B2'],
    ['...', '...'],
    ['__proto__', '__proto__'],
  ])('keeps %j in one segment', async (id, segment) => {
    expect(await sentFor('query ($id: ID!) { item(id: $id) }', { id })).toBe(`GET /api/v2/items/${segment}`);
  });

  test.each(['', '.', '..', '\ud800', 'a\udc00b'])('refuses %j without asking', async (id) => {
    expect(await sentFor('query ($id: ID!) { item(id: $id) }', { id })).toBe('nothing BAD_ARGUMENT');
  });

  test('takes several values and text in one segment', async () => {
    expect(await sentFor('{ file(folder: "a/b", name: ".", type: "txt") }')).toBe(
      'GET /api/v2/files/a%2Fb/..txt/raw',
    );
    expect(await sentFor('{ file(folder: "a", name: "", type: "x") }')).toBe('nothing BAD_ARGUMENT');
  });

  test('drops query pairs without a value, and encodes the others', async () => {
    expect(await sentFor('{ onlySearch }')).toBe('GET /api/v2/search');
    expect(await sentFor('{ onlySearch(text: null) }')).toBe('GET /api/v2/search');
    expect(await sentFor('{ onlySearch(text: "") }')).toBe('GET /api/v2/search?q=');
    expect(await sentFor('{ search }')).toBe('GET /api/v2/search?limit=20&fixed=1&flag');
    expect(await sentFor('{ search(text: "a&b=c#d+e f", first: 0, exact: false) }')).toBe(
      'GET /api/v2/search?q=a%26b%3Dc%23d%2Be%20f&limit=0&exact=false&fixed=1&flag',
    );
    expect(await sentFor('{ search(near: { lat: 1.5, lon: -2 }) }')).toContain('&at=1.5,-2&');
    expect(await sentFor('{ search(near: { lat: 1.5 }) }')).not.toContain('at=');
  });

  test('repeats the pair of a list, or joins it with commas', async () => {
    expect(await sentFor('{ search(tags: ["a b", "c,d"], first: null) }')).toBe(
      'GET /api/v2/search?tag=a%20b&tag=c%2Cd&fixed=1&flag',
    );
    expect(await sentFor('{ search(tags: [], first: null) }')).toBe('GET /api/v2/search?fixed=1&flag');
    expect(await sentFor('{ search(ids: [1, "x y"], first: null) }')).toBe(
      'GET /api/v2/search?ids=1%2Cx%20y&fixed=1&flag',
    );
  });

  test('refuses an item with a comma where commas separate', async () => {
    expect(await sentFor('{ search(ids: ["1,2"]) }')).toBe('nothing BAD_ARGUMENT');
  });

  test.each(['claimed', 'claimedBody', 'claimedArgument'])(
    'refuses %s without the claim, rather than asking for everybody’s',
    async (field) => {
      expect(await sentFor(`{ ${field} }`)).toBe('nothing UNAUTHENTICATED');
    },
  );

  test('leaves out a claim that may be absent', async () => {
    expect(await sentFor('{ perhapsClaimed }')).toBe('GET /api/v2/claimed');
    expect(await sentFor('{ perhapsClaimedArgument }')).toBe('GET /api/v2/claimed');
  });
});

describe('methods and bodies', () => {
  test('JSON as the literal says, absent values left out', async () => {
    await ask('mutation { post(name: "n", tags: ["a"], deep: { b: { a: 1 } }, big: 9007199254740993) }');
    const { method, url, headers, body } = backend.last;
    expect(`${method} ${url}`).toBe('POST /api/v2/items');
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body.toString())).toEqual({
      name: 'n',
      tags: ['a'],
      inner: { deep: { b: { a: 1 } }, big: '9007199254740993' },
      fixed: [1, 'two', true, null],
      list: ['n'],
    });
    await ask('mutation { post }');
    expect(JSON.parse(backend.last.body.toString())).toEqual({
      inner: {},
      fixed: [1, 'two', true, null],
      list: [null],
    });
  });

  test('a whole argument as the body, prototype names as data', async () => {
    const input = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "then": [3]}');
    await ask('mutation ($input: JSON) { postAll(input: $input) }', { input });
    expect(backend.last.body.toString()).toBe('{"__proto__":{"x":1},"constructor":2,"then":[3]}');
    await ask('mutation { postAll }');
    expect(backend.last.body.toString()).toBe('null');
  });

  test('PUT, PATCH with a media type of its own, DELETE, POST without a body', async () => {
    expect(await sentFor('mutation { put(id: 1, name: null) }')).toBe('PUT /api/v2/items/1');
    expect(backend.last.body.toString()).toBe('{"name":null}');
    expect(await sentFor('mutation { patch(id: 1, name: "x") }')).toBe('PATCH /api/v2/items/1');
    expect(backend.last.headers['content-type']).toBe('application/merge-patch+json');
    expect(await sentFor('mutation { delete(id: "a/b") }')).toBe('DELETE /api/v2/items/a%2Fb');
    expect(await sentFor('mutation { postNothing }')).toBe('POST /api/v2/items');
    expect(backend.last.headers).toMatchObject({ 'content-length': '0' });
    expect(backend.last.headers).not.toHaveProperty('content-type');
  });

  test('a form', async () => {
    await ask('mutation { form(name: "a b&c=d\\r\\n", tags: ["x", "ž"], deep: { a: 1 }) }');
    expect(backend.last.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(backend.last.body.toString())]).toEqual([
      ['name', 'a b&c=d\r\n'],
      ['tag', 'x'],
      ['tag', 'ž'],
      ['deep', '{"a":1}'],
      ['fixed', '1'],
    ]);
  });

  test('files, as multipart', async () => {
    const form = new FormData();
    const query =
      'mutation ($a: Upload!, $b: [Upload!]) { upload(photo: $a, more: $b, caption: "Näh\\r\\n--x") }';
    form.append('operations', JSON.stringify({ query, variables: { a: null, b: [null, null] } }));
    form.append('map', JSON.stringify({ 0: ['variables.a'], 1: ['variables.b.0'], 2: ['variables.b.1'] }));
    form.append('0', new File(['first'], 'a "b".png', { type: 'image/png' }));
    form.append('1', new File(['second'], 'ž.txt', { type: 'text/plain' }));
    form.append('2', new File(['third'], '__proto__'));
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      body: form,
      headers: { 'x-graphql-csrf': '1', 'apollo-require-preflight': '1' },
    });
    expect(await response.json()).toEqual({ data: { upload: {} } });
    const received = await new Response(new Uint8Array(backend.last.body), {
      headers: { 'content-type': backend.last.headers['content-type']! },
    }).formData();
    const photo = received.get('photo') as File;
    expect([photo.name, photo.type, await photo.text()]).toEqual(['a "b".png', 'image/png', 'first']);
    const more = received.getAll('more') as File[];
    expect(more.map(({ name }) => name)).toEqual(['ž.txt', '__proto__']);
    expect(received.get('caption')).toBe('Näh\r\n--x');
  });

  test('a call fed by the parent', async () => {
    backend.answer = ({ url }) => ({ body: url.includes('similar') ? [url] : { id: 'x/y', name: 'X' } });
    expect(await ask('{ found(id: 1) { name similar(first: 3) } }')).toEqual({
      data: { found: { name: 'X', similar: ['/api/v2/items/x%2Fy/similar?limit=3'] } },
    });
    backend.answer = () => ({ body: {} });
  });
});

describe('headers', () => {
  test('are templates; what is accepted and no coding', async () => {
    await ask('{ item(id: 1) }');
    expect(backend.last.headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity' });
    expect(backend.last.headers['x-request-id']).toMatch(/\S/);
    await ask('{ headed(etag: "v1", tags: ["a", "é"]) }');
    expect(backend.last.headers).toMatchObject({
      'if-none-match': '"v1"',
      accept: 'application/vnd.shop+json',
    });
    expect(Buffer.from(backend.last.headers['x-tags'] as string, 'latin1').toString('latin1')).toBe('a,é');
  });

  test.each(['a\r\nx-evil: 1', 'a\nb', 'a\u0000', '\u007f', '自転車', '\ud800'])(
    'refuse %j',
    async (etag) => {
      expect(await sentFor('query ($etag: String!) { headed(etag: $etag, tags: []) }', { etag })).toBe(
        'nothing BAD_ARGUMENT',
      );
    },
  );
});

test.each([' a', 'a ', 'a\t'])(
  'a header that would lose its spaces on the way is refused: %j',
  async (tag) => {
    expect(
      await sentFor('query ($tags: [String!]!) { headed(etag: "v1", tags: $tags) }', { tags: [tag] }),
    ).toBe('nothing BAD_ARGUMENT');
  },
);

test('a form takes nothing that would become something else', async () => {
  const query = 'mutation ($name: String) { form(name: $name) }';
  expect(await sentFor(query, { name: 'a\ud800b' })).toBe('nothing BAD_ARGUMENT');
});

describe('answers', () => {
  const answered = async (query: string, answer: Parameters<typeof giveOnce>[0]) => {
    giveOnce(answer);
    try {
      return await ask(query);
    } finally {
      backend.answer = () => ({ body: {} });
    }
  };
  function giveOnce(answer: { status?: number; headers?: Record<string, string>; body?: unknown }) {
    backend.answer = () => answer;
  }

  test('a selected part; a part that is not there is null', async () => {
    const body = { data: { items: [{ value: 1 }, { value: 'x' }] } };
    expect(await answered('{ selected }', { body })).toEqual({ data: { selected: [1, 'x'] } });
    expect(await answered('{ selected }', { body: { data: null } })).toEqual({ data: { selected: null } });
  });

  test('text, in its encoding', async () => {
    const text = async (headers: Record<string, string>, body: string | Buffer) =>
      (await answered('{ text }', { headers, body })).data.text;
    expect(await text({ 'content-type': 'text/plain' }, 'žluť "x"')).toBe('žluť "x"');
    expect(await text({ 'content-type': 'text/plain; charset=ISO-8859-1' }, Buffer.from([0x6e, 0xe9]))).toBe(
      'né',
    );
    expect(await text({ 'content-type': 'text/plain; charset=nonsense' }, 'x')).toBe('x');
    expect(await text({ 'content-type': 'application/json' }, '"json"')).toBe('json');
    expect(
      await answered('{ anItem { name } }', {
        headers: { 'content-type': 'text/plain' },
        body: '{"name":"N"}',
      }),
    ).toEqual({
      data: { anItem: { name: 'N' } },
    });
  });

  test('a page where an object should be cannot be read', async () => {
    const answer = { headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };
    expect(codeOf(await answered('{ anItem { name } }', answer))).toBe('UPSTREAM_INVALID');
  });

  test('JSON with a byte order mark', async () => {
    const body = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"a":"ž"}')]);
    expect(await answered('{ root }', { body })).toEqual({ data: { root: { a: 'ž' } } });
  });

  test('numbers keep their digits', async () => {
    const body = '[9007199254740993, 0.1, 1e400, 12345678901234567890.123, 1.0]';
    expect(await answered('{ root }', { headers: { 'content-type': 'application/json' }, body })).toEqual({
      data: { root: ['9007199254740993', 0.1, '1e400', '12345678901234567890.123', 1] },
    });
  });

  test.each([200, 201, 202, 204])('%i without a body: nothing, or yes', async (status) => {
    expect(await answered('{ root }', { status })).toEqual({ data: { root: null } });
    expect(await answered('mutation { delete(id: 1) }', { status })).toEqual({ data: { delete: true } });
  });

  test('HEAD answers whether something exists', async () => {
    expect(await answered('{ exists(id: 1) }', { status: 200 })).toEqual({ data: { exists: true } });
    expect(backend.last.method).toBe('HEAD');
    expect(await answered('{ exists(id: 1) }', { status: 404 })).toEqual({ data: { exists: false } });
    expect(codeOf(await answered('{ exists(id: 1) }', { status: 500 }))).toBe('UPSTREAM_FAILED');
  });

  test.each([404, 410])('%i is null at a lookup and an error elsewhere', async (status) => {
    expect(await answered('{ found(id: 1) { id } }', { status })).toEqual({ data: { found: null } });
    const body = await answered('{ item(id: 1) }', { status });
    expect(body.errors?.[0]).toMatchObject({
      path: ['item'],
      message: 'The backend has no such thing (shop).',
      extensions: {
        code: 'UPSTREAM_NOT_FOUND',
        connector: 'shop',
        coordinate: 'Query.item',
        status: String(status),
      },
    });
  });

  test.each([
    [400, 'UPSTREAM_REJECTED'],
    [401, 'UPSTREAM_DENIED'],
    [402, 'UPSTREAM_REJECTED'],
    [403, 'UPSTREAM_DENIED'],
    [405, 'UPSTREAM_REJECTED'],
    [407, 'UPSTREAM_DENIED'],
    [408, 'UPSTREAM_TIMEOUT'],
    [409, 'UPSTREAM_CONFLICT'],
    [412, 'UPSTREAM_CONFLICT'],
    [422, 'UPSTREAM_REJECTED'],
    [429, 'UPSTREAM_LIMITED'],
    [500, 'UPSTREAM_FAILED'],
    [501, 'UPSTREAM_FAILED'],
    [502, 'UPSTREAM_UNAVAILABLE'],
    [503, 'UPSTREAM_UNAVAILABLE'],
    [504, 'UPSTREAM_TIMEOUT'],
    [304, 'UPSTREAM_INVALID'],
  ])('%i is %s', async (status, code) => {
    const body = await answered('{ item(id: 1) }', {
      status,
      ...(status === 304 ? {} : { body: { secret: 'hunter2' } }),
    });
    expect(body.errors?.[0]?.extensions).toMatchObject({ code, status: String(status) });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
    const before = backend.seen.length;
    const body = await answered('{ item(id: 1) }', {
      status,
      headers: { location: `${backend.url}/inside` },
    });
    expect(codeOf(body)).toBe('UPSTREAM_INVALID');
    expect(backend.seen.length - before).toBe(1);
  });

  test('a coding that was not asked for cannot be read, and is not unpacked', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(50_000_000)) };
    expect(codeOf(await answered('{ root }', bomb))).toBe('UPSTREAM_INVALID');
  });

  test.each(['{"a":', 'nonsense', '{"a":1}{"b":2}', '\u0000', '[1,]'])('%j cannot be read', async (body) => {
    const answer = { headers: { 'content-type': 'application/json' }, body };
    expect(codeOf(await answered('{ root }', answer))).toBe('UPSTREAM_INVALID');
  });

  test('nesting without an end cannot be read', async () => {
    const body = `${'['.repeat(200_000)}12345678901234567890${']'.repeat(200_000)}`;
    const answer = { headers: { 'content-type': 'application/json' }, body };
    expect(codeOf(await answered('{ anItem { name } }', answer))).toMatch(/^UPSTREAM_INVALID$/);
  });
});

test('the backend’s own words are shown where connector.yml says so, at most 4 KB of them', async () => {
  await using open = await startRestGateway(backend, {
    client: WITH_TOKENS,
    schema: SCHEMA,
    settings: 'errors: { detail: public }\n',
  });
  backend.answer = () => ({ status: 422, body: { title: 'too short', field: 'name' } });
  const { body } = await open.query('web', '{ item(id: 1) }');
  expect(body.errors?.[0]?.extensions.detail).toEqual({ title: 'too short', field: 'name' });
  backend.answer = () => ({ status: 422, body: { title: 'x'.repeat(10_000) } });
  const long = await open.query('web', '{ item(id: 1) }');
  expect(String(long.body.errors?.[0]?.extensions.detail)).toHaveLength(4096);
  backend.answer = () => ({ body: {} });
});

describe('what a backend tells of its error never holds what the gateway shows itself with', () => {
  const secret = 'backend-secret-abcdef';
  test.each([
    ['compiled', 'auth.header', `auth: { header: { name: x-backend-key, value: ${secret} } }`],
    ['reference', 'auth.header', `auth: { header: { name: x-backend-key, value: ${secret} } }`],
    ['compiled', 'auth.header with a scheme', `auth: { header: { name: x-own, value: "Token ${secret}" } }`],
    ['compiled', 'auth.bearer', `auth: { bearer: { token: ${secret} } }`],
    ['compiled', 'auth.basic', `auth: { basic: { username: hem, password: ${secret} } }`],
    ['compiled', 'headers.set', `headers: { set: { x-api-token: ${secret} } }`],
  ])('%s: %s', async (engine, _where, auth) => {
    await using open = await startRestGateway(backend, {
      client: JSON.stringify({ ...JSON.parse(WITH_TOKENS), engine }),
      schema: SCHEMA,
      settings: `errors: { detail: public }\n${auth}\n`,
    });
    backend.answer = ({ headers }) => ({
      status: 403,
      body: { text: `denied for ${JSON.stringify(headers)}`, headers, bare: `${secret} is expired` },
    });
    const { body } = await open.query('web', '{ item(id: 1) }');
    const detail = body.errors?.[0]?.extensions.detail as { text: string; bare: string };
    expect(detail.bare).toBe('[secret] is expired');
    expect(detail.text).toContain('[secret]');
    expect(JSON.stringify(body)).not.toContain(secret);
    expect(JSON.stringify(body)).not.toContain(Buffer.from(`hem:${secret}`).toString('base64'));
    backend.answer = () => ({ body: {} });
  });
});

test('equal lookups of one operation are one request', async () => {
  backend.answer = ({ url }) => ({ body: { id: url } });
  const before = backend.seen.length;
  await ask('{ a: found(id: 1) { id } b: found(id: 1) { name } c: found(id: "2") { id } }');
  expect(
    backend.seen
      .slice(before)
      .map(({ url }) => url)
      .sort(),
  ).toEqual(['/api/v2/items/1', '/api/v2/items/2']);
  backend.answer = () => ({ body: {} });
});

/** The operators' listener: health for everybody, the whole graph for those who hold the token. */
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA } from '../../demo/data.ts';
import { loadOrMakeSecret } from '../../src/store/secret-file.ts';
import { type BikeShare, startBikeShare } from '../demo/bike-share.ts';
import type { GraphQLBody } from '../support/gateway.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

function admin(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(bikeShare.gateway.adminUrl + path, init);
}

async function graph(
  query: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: GraphQLBody }> {
  const response = await admin('/graph', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${bikeShare.gateway.gateway.adminToken}`,
      ...headers,
    },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, body: (await response.json()) as GraphQLBody };
}

describe('health', () => {
  it.each(['/livez', '/readyz'])('%s is for everybody', async (path) => {
    const response = await admin(path);
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['/', '/metrics/x', '/graphql', '/graph/x', '/livez/x'])('%s is nothing', async (path) => {
    const response = await admin(path);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ title: 'NOT_FOUND', requestId: expect.any(String) });
  });
});

describe('the whole graph', () => {
  const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;

  it.each([
    ['nothing', ''],
    ['another token', `Bearer ${'x'.repeat(43)}`],
    ['an empty token', 'Bearer '],
    ['a token that is too long', `Bearer ${'x'.repeat(10_000)}`],
    ['another password', basic('x')],
    ['no base64', 'Basic ???'],
  ])('wants the token: %s is refused', async (_what, authorization) => {
    const { status } = await graph('{ __typename }', { authorization });
    expect(status).toBe(401);
  });

  it('asks browsers for a password', async () => {
    const response = await admin('/graph', { headers: { accept: 'text/html' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
  });

  it('takes the token as a bearer and as a password', async () => {
    expect((await graph('{ __typename }')).body).toEqual({ data: { __typename: 'Query' } });
    const authorization = basic(bikeShare.gateway.gateway.adminToken);
    expect((await graph('{ __typename }', { authorization })).body).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('joins over connectors', async () => {
    const { body } = await graph(
      '{ station(id: "st-01") { name bikesAvailable rides(first: 1) { id rider { name } } } }',
    );
    expect(body.errors).toBeUndefined();
    expect(body.data.station).toMatchObject({
      name: DATA.stations[0]!.name,
      bikesAvailable: expect.any(Number),
      rides: [{ id: expect.any(String), rider: { name: expect.any(String) } }],
    });
  });

  it('names the backend that failed', async () => {
    const { fleet } = bikeShare.demo.backends;
    await fleet.stop();
    try {
      const { body } = await graph('{ station(id: "st-01") { name bikesAvailable } }');
      expect(body.data.station).toEqual({ name: DATA.stations[0]!.name, bikesAvailable: null });
      expect(body.errors?.[0]).toMatchObject({
        extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'fleet' },
      });
      expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|ECONN/);
    } finally {
      await fleet.start();
    }
  });

  it.each([
    ['too deep', `{ station(id: 1) ${'{ rides '.repeat(100_000)}`],
    ['too large', `{ ${'__typename '.repeat(5000)} }`],
    ['a cycle', '{ ...A } fragment A on Query { ...A }'],
    ['not of this graph', '{ nothing }'],
  ])('refuses what is %s without failing', async (_what, query) => {
    const { status, body } = await graph(query);
    expect(status).toBeLessThan(500);
    expect(body.errors?.[0]?.extensions?.code).toMatch(/PARSE|VALIDATION|TOO_LARGE/);
  });

  it('takes no body beyond measure and no form of another site', async () => {
    const large = await graph(`{ a(b: "${'x'.repeat(1_100_000)}") }`);
    expect(large.status).toBe(413);
    const response = await admin('/graph', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: basic(bikeShare.gateway.gateway.adminToken),
      },
      body: 'query={__typename}',
    });
    expect(response.status).toBe(415);
  });

  it('has a page that loads nothing from elsewhere', async () => {
    const response = await admin('/graph', {
      headers: { accept: 'text/html', authorization: basic(bikeShare.gateway.gateway.adminToken) },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await response.text()).toContain('YogaGraphiQL');
  });
});

describe('the token', () => {
  it('stands in a file that only its owner can read', async () => {
    const { mode } = await stat(join(bikeShare.gateway.directory, '.hem/admin-token'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('is made once and kept, and what was open to others is closed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hem-'));
    try {
      const file = join(folder, 'a/b/token');
      const token = await loadOrMakeSecret(file);
      expect(token).toMatch(/^[\w-]{43}$/);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(join(folder, 'a/b'))).mode & 0o777).toBe(0o700);
      await chmod(file, 0o644);
      expect(await loadOrMakeSecret(file)).toBe(token);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await writeFile(file, 'short');
      expect(await loadOrMakeSecret(file)).not.toBe('short');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The GraphiQL page: only where a client wants it, complete in itself, and working in a real browser. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask } from './ask.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS =
  '--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync';

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(thingsFiles(backend.url, { client: 'graphiql: true' }));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const page = (from: TestGateway) =>
  ask(from, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });

it('is not served unless the client says so', async () => {
  await using plain = await startGateway(thingsFiles(backend.url));
  const answer = await page(plain);
  expect(answer.status).toBe(400);
  expect(answer.text).not.toContain('<html');
});

describe('the page', () => {
  it('loads nothing from anywhere, and may not', async () => {
    const { status, headers, text } = await page(gateway);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/html');
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*connect-src 'self'.*frame-ancestors 'none'/,
    );
    expect(text).not.toMatch(
      /<(script|link|img|iframe|audio|video|source)\b[^>]*\b(src|href)\s*=\s*["']?\s*(https?:)?\/\//i,
    );
    expect(text).not.toMatch(/@import\s|url\(\s*["']?(https?:)?\/\//i);
  });

  it('is for browsers: others get answers at the same address', async () => {
    const answer = await ask(gateway, { search: '?query={__typename}', headers: { accept: '*/*' } });
    expect(answer.body).toEqual({ data: { __typename: 'Query' } });
  });

  it.skipIf(!existsSync(CHROMIUM))(
    'works in a browser: it shows the editor and reads the schema (skipped without chromium)',
    async () => {
      const profile = await mkdtemp(join(tmpdir(), 'hem-chromium-'));
      try {
        const { stdout } = await promisify(execFile)(
          CHROMIUM,
          [
            ...FLAGS.split(' '),
            `--user-data-dir=${profile}`,
            '--virtual-time-budget=8000',
            '--dump-dom',
            `${gateway.url}/web/graphql?query=${encodeURIComponent('{ things { id } }')}`,
          ],
          { maxBuffer: 64 * 1024 ** 2, timeout: 50_000 },
        );
        // Without scripts and styles: what is on the page.
        const dom = stdout.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, '');
        const holds = (text: string) => dom.includes(text);
        expect(holds('graphiql-container')).toBe(true);
        expect(holds('monaco-editor')).toBe(true);
        expect(holds('Error fetching schema')).toBe(false);
      } finally {
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      }
    },
    60_000,
  );
});

/** What docs/limits.md shows is what there is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';
import { startGateway } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';
import { startJsonBackend } from '../support/json-backend.ts';
import { readLimits } from './rate-limit.ts';

const PAGE = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
/** Examples that begin with the file that they are. */
const FILES = Object.fromEntries(
  [...PAGE.matchAll(/^```(?:yaml|graphql)\n# (\S+)\n(.*?)^```$/gms)].map(([, path, text]) => [path!, text!]),
);

test('the examples load, answer with the headers shown, and cost what is said', {
  timeout: 60_000,
}, async () => {
  expect(Object.keys(FILES)).toHaveLength(3);
  await using backend = await startJsonBackend(({ path }) =>
    path === '/books' ? [{ title: 'The Seam' }] : { name: 'Ada' },
  );
  await using gateway = await startGateway({
    files: {
      ...FILES,
      'connectors/library/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'schemas/mobile.graphql': `
        type Query { author(id: ID!): Author  search(text: String!, page: Page): Results }
        type Author { name: String  genres: [String!]  books(first: Int): [Book!] }
        type Book { title: String  author: Author }
        type Results { books: [Book!]  total: Int }
        input Page { size: Int  after: String }`,
    },
  });
  const operation = FILES['clients/mobile/operations/author.graphql']!;
  const { headers, body } = await gateway.query('mobile', operation);
  expect(body).toEqual({ data: { author: { name: 'Ada', books: [{ title: 'The Seam' }] } } });
  const [, policy] = /^RateLimit-Policy: (.*)$/m.exec(PAGE)!;
  expect(headers.get('ratelimit-policy')).toBe(policy);
  expect(readLimits(headers)).toMatchObject({
    burst: { remaining: 99 },
    work: { remaining: 5000 - 21 },
    open: { remaining: 19 },
  });
  const { code, output } = await runCommand(
    [process.execPath, 'src/main.ts', 'explain', 'mobile', 'Author', '--config', gateway.directory],
    { env: { PATH: process.env.PATH } },
  );
  expect(code).toBe(0);
  expect(output.split('\n').filter((line) => /^It (costs|draws)/.test(line))).toEqual([
    'It costs 21 at most, with 10 of Author.books; the client allows 500.',
    'It draws 1 on burst: 600 requests per 60 s by ip.',
    'It draws 21 on work: 5000 cost per day by ip, enough for 238 of it.',
    'It draws 1 on open: 20 requests at the same time by ip.',
  ]);
});

/** What `npm run generate` writes is fresh, and of use. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { print } from 'graphql';
import { expect, test } from 'vitest';
import { SearchDocument, type SearchQuery } from '../clients/web/generated/documents.ts';
import { runCommand } from './support/command.ts';
import { ROOT } from './support/imports.ts';

test('JSON Schemas, public schemas and typed documents are fresh', async () => {
  expect(await runCommand([process.execPath, 'generate.ts', '--check'])).toEqual({ code: 0, output: '' });
});

test('every client has typed documents', () => {
  const clients = globSync('clients/*/client.yml', { cwd: ROOT }).map((path) => path.split('/')[1]);
  const configured = readFileSync(join(ROOT, 'codegen.yml'), 'utf8');
  for (const client of clients) expect(configured).toContain(`clients/${client}/generated/documents.ts`);
});

test('a public schema carries no directive of Hem', () => {
  for (const path of globSync('clients/*/generated/schema.graphql', { cwd: ROOT }))
    expect(readFileSync(join(ROOT, path), 'utf8')).not.toMatch(/@(from|rest|grpc|key|lookup)\b/);
});

test('a typed document is the operation, and its types are those of the answer', () => {
  expect(print(SearchDocument)).toContain('query Search(');
  const answer: SearchQuery = {
    places: [{ __typename: 'Workshop', id: 'w1', name: 'Forge', location: null, stands: 3 }],
  };
  expect(answer.places).toHaveLength(1);
});

test('the YAML files of the repository tell editors their schema', () => {
  const files = globSync(['hem.yml', 'clients/*/client.yml', 'connectors/*/connector.yml'], { cwd: ROOT });
  expect(files.length).toBeGreaterThan(9);
  for (const file of files) {
    const schema = `docs/json-schema/${file.replace(/^.*\/|\.yml$/g, '')}.json`;
    const line = readFileSync(join(ROOT, file), 'utf8').split('\n')[0]!;
    expect(join(ROOT, file, '..', line.replace('# yaml-language-server: $schema=', ''))).toBe(
      join(ROOT, schema),
    );
  }
});

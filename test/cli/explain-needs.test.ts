/** `hem explain` says what an operation's callers have to bring. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clientYml, newKey } from '../auth/issuer.ts';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

test('explain lists what needs a known caller or scopes, and nothing else', { timeout: 60_000 }, async () => {
  const key = await newKey('k1');
  const directory = await writeConfiguration({
    'connectors/things/connector.yml': 'kind: rest\nendpoint: http://things.test',
    'connectors/things/schema.graphql': `type Query {
      open: String @rest(get: "/open")
      me: String @rest(get: "/me") @authenticated
      all: String @rest(get: "/all") @requiresScopes(scopes: [["a", "b"], ["admin"]])
    }`,
    'schemas/web.graphql': 'type Query { open: String  me: String  everything: String @from(field: "all") }',
    'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }),
    'clients/web/operations/all.graphql': 'query All { open me everything }',
  });
  const explain = (...more: string[]) =>
    runCommand(
      [process.execPath, 'src/main.ts', 'explain', 'web', 'All', '--config', join(directory), ...more],
      {
        env: { PATH: process.env.PATH },
      },
    );
  try {
    const { code, output } = await explain();
    const lines = output.split('\n').filter((line) => line.includes('needs'));
    expect({ code, lines }).toEqual({
      code: 0,
      lines: ['Query.me needs a known caller.', 'Query.everything needs the scope a and b, or admin.'],
    });
    expect(JSON.parse((await explain('--format', 'json')).output).needs).toEqual([
      { coordinate: 'Query.me', scopes: [] },
      { coordinate: 'Query.everything', scopes: [[['a', 'b'], ['admin']]] },
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** `hem explain` says how long an operation's answers may be kept, and for whom. */
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

test('explain says how long answers are kept, where a client keeps any', { timeout: 60_000 }, async () => {
  const view = 'type Query { open: String  desk: String  never: String }';
  const directory = await writeConfiguration({
    'connectors/things/connector.yml':
      'kind: rest\nendpoint: http://things.test\nheaders: { forward: [x-request-id] }',
    'connectors/things/schema.graphql': `type Query {
      open: String @rest(get: "/open") @cacheControl(maxAge: 90)
      never: String @rest(get: "/never")
    }`,
    'connectors/desk/connector.yml': 'kind: rest\nendpoint: http://desk.test\nheaders: { forward: [cookie] }',
    'connectors/desk/schema.graphql':
      'type Query { desk: String @rest(get: "/desk/{claims.sub?}") @cacheControl(maxAge: 60) }',
    'schemas/web.graphql': view,
    'clients/web/client.yml': 'cache: {}',
    'clients/web/operations/all.graphql':
      'query Open { open } query Desk { open desk } query Never { open never }',
    'schemas/plain.graphql': view,
    'clients/plain/client.yml': '{}',
    'clients/plain/operations/all.graphql': 'query Open { open }',
  });
  const explain = async (client: string, name: string, ...more: string[]) => {
    const command = ['src/main.ts', 'explain', client, 'all', '--name', name, '--config', directory, ...more];
    const { output } = await runCommand([process.execPath, ...command], { env: { PATH: process.env.PATH } });
    return output;
  };
  try {
    expect(await explain('web', 'Open')).toContain(
      'Its answers may be kept for 90 s, for all callers alike.',
    );
    expect(await explain('web', 'Desk')).toContain(
      'Its answers may be kept for 60 s, for each caller, by principal, cookie.',
    );
    expect(await explain('web', 'Never')).toContain('Its answers are not kept.');
    expect(await explain('plain', 'Open')).not.toContain('kept');
    expect(JSON.parse(await explain('web', 'Desk', '--format', 'json')).cache).toEqual({
      maxAge: 60,
      scope: 'PRIVATE',
      dependsOn: ['principal', 'cookie'],
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

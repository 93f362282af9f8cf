/** A small configuration with plans, for gateways and commands that are about keys. */
import { runCommand } from '../support/command.ts';
import type { GatewayFiles } from '../support/gateway.ts';

export const FILES: GatewayFiles['files'] = {
  'hem.yml': 'log: { level: silent }\n',
  'connectors/things/connector.yml': 'kind: rest\nendpoint: http://127.0.0.1:9\n',
  'connectors/things/schema.graphql':
    'type Query { thing(id: ID!): Thing @lookup @rest(get: "/things/{id}") }\ntype Thing @key(fields: "id") { id: ID! }\n',
  'schemas/web.graphql': 'type Query { thing(id: ID!): Thing }\ntype Thing { id: ID! }\n',
  'clients/web/client.yml': 'auth: { keys: {} }\n',
  'clients/plans.yml':
    'plans:\n  partner: { title: Partners, clients: [web] }\n  free: { clients: [web], approval: automatic }\n',
};

/** A command of `hem`, as a process of its own. */
export function hem(directory: string, ...args: readonly string[]) {
  return runCommand([process.execPath, 'src/main.ts', ...args, '--config', directory], {
    env: { PATH: process.env.PATH },
    deadlineMs: 30_000,
  });
}

/** What a command says as JSON. @throws {Error} when it fails */
export async function hemJson(directory: string, ...args: readonly string[]) {
  const { code, output } = await hem(directory, ...args, '--format', 'json');
  if (code !== 0) throw new Error(output);
  // Notes for people stand before it.
  return JSON.parse(output.slice(output.search(/^[{[]/m)));
}

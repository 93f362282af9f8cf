/** TLS, client certificates, and credentials that travel as metadata. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { GrpcBackend, PROTO_FOLDER } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway } from '../support/gateway.ts';

const pem = (name: string) => readFileSync(join(PROTO_FOLDER, 'tls', name));

async function ask(backend: GrpcBackend, tls: string) {
  await using gateway = await startGateway({
    files: {
      ...shapesFiles({ settings: `tls: ${tls}\ntimeouts: { connect: 2s }` }),
      'ca.pem': pem('ca.pem'),
      'client.pem': pem('client.pem'),
      'client.key': pem('client.key'),
    },
    env: {
      SHAPES_URL: `grpcs://127.0.0.1:${backend.port}`,
      CA: pem('ca.pem').toString(),
      CERTIFICATE: pem('client.pem').toString(),
      KEY: pem('client.key').toString(),
    },
  });
  const { body } = await gateway.query('web', '{ count }');
  return body.data?.count ?? body.errors?.[0]?.extensions.code;
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the references of connector.yml
const CA = 'ca: "${env:CA}"';
const CLIENT = 'certificate: "${env:CERTIFICATE}", key: "${env:KEY}"';
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the references of connector.yml

test('the server is known by its authority and its name', async () => {
  const credentials = ServerCredentials.createSsl(null, [
    { cert_chain: pem('server.pem'), private_key: pem('server.key') },
  ]);
  await using backend = await GrpcBackend.start({ credentials });
  expect(await ask(backend, `{ ${CA}, serverName: shapes.internal }`)).toBe('9007199254740993');
  expect(await ask(backend, `{ ${CA}, serverName: other.internal }`)).toBe('UPSTREAM_UNAVAILABLE');
  expect(await ask(backend, `{ ${CA} }`)).toBe('UPSTREAM_UNAVAILABLE');
  expect(await ask(backend, '{ serverName: shapes.internal }')).toBe('UPSTREAM_UNAVAILABLE');
});

test('the gateway is known by its certificate', async () => {
  const credentials = ServerCredentials.createSsl(
    pem('ca.pem'),
    [{ cert_chain: pem('server.pem'), private_key: pem('server.key') }],
    true,
  );
  await using backend = await GrpcBackend.start({ credentials });
  expect(await ask(backend, `{ ${CA}, serverName: shapes.internal, ${CLIENT} }`)).toBe('9007199254740993');
  expect(await ask(backend, `{ ${CA}, serverName: shapes.internal }`)).toBe('UPSTREAM_UNAVAILABLE');
});

test('credentials travel as metadata, and a refused token is fetched anew', async () => {
  let tokens = 0;
  const issuer = createServer((_request, response) => {
    tokens++;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: `token-${tokens}`, token_type: 'Bearer', expires_in: 3600 }));
  }).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  await using backend = await GrpcBackend.start();
  await using gateway = await startGateway({
    files: shapesFiles({
      settings: `auth: { oauth2: { tokenUrl: "http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token", clientId: a, clientSecret: b } }`,
    }),
    env: { SHAPES_URL: backend.url },
  });
  const authorization = async () =>
    (await gateway.query('web', '{ metadata }')).body.data.metadata.authorization;
  expect(await authorization()).toBe('Bearer token-1');
  expect(await authorization()).toBe('Bearer token-1');
  // UNAUTHENTICATED
  await gateway.query('web', '{ fail(code: 16) { id } }');
  expect(await authorization()).toBe('Bearer token-2');
  issuer.close();
});

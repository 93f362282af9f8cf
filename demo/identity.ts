/**
 * The riders' identity provider: `GET /keys` has its public keys, `GET /token?client=mobile&rider=rd-01` gives whoever asks a token for
 * ten minutes, as if that rider had logged in. New keys at every start; good for this demo and nothing more.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { DATA } from './data.ts';
import { createHttpServer, type DemoServer, type DemoServerOptions, listen } from './server.ts';

/** What its tokens have in `iss`. */
export const ISSUER = 'https://id.bikeshare.example';

export async function startIdentity(options: DemoServerOptions): Promise<DemoServer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const kid = `demo-${Date.now().toString(36)}`;
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] });
  const tokenFor = (rider: string, client: string) =>
    new SignJWT({ scope: 'rides' })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer(ISSUER)
      .setAudience(client)
      .setSubject(rider)
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(privateKey);

  const server = createHttpServer(async ({ url }, response) => {
    const { pathname, searchParams } = new URL(url ?? '/', 'http://localhost');
    const [rider = '', client = ''] = ['rider', 'client'].map((name) => searchParams.get(name) ?? '');
    if (pathname === '/keys') {
      response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(keys);
    } else if (pathname === '/token' && DATA.riders.some(({ id }) => id === rider) && client !== '') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`${await tokenFor(rider, client)}\n`);
    } else {
      response
        .writeHead(404, { 'content-type': 'text/plain' })
        .end('GET /keys, or /token?client=mobile&rider=rd-01\n');
    }
  });
  const listening = await listen(server, options);
  return {
    url: `http://${listening.authority}`,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

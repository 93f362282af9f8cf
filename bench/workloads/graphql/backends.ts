import { createServer } from 'node:http';
import { type DocumentNode, execute, parse } from 'graphql';
import { listen } from '../../contenders/listen.ts';
import type { Addresses } from '../../workload.ts';
import { ridesOf, schemaOf } from '../rides.ts';

/** graphql-js on node:http; documents are parsed once. */
export async function startBackends(): Promise<{ addresses: Addresses }> {
  const schema = schemaOf(async (riderId) => ridesOf(riderId));
  const documents = new Map<string, DocumentNode>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        query: string;
        variables?: Record<string, unknown>;
      };
      const document = documents.get(body.query) ?? parse(body.query);
      documents.set(body.query, document);
      const text = JSON.stringify(await execute({ schema, document, variableValues: body.variables }));
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    });
  });
  return { addresses: { RIDES_URL: `${await listen(server)}/graphql` } };
}

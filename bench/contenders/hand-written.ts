/** The front of a hand-written BFF: node:http, a JSON body in, `{"data": …}` out. What it answers is the workload's own code. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Addresses, ByHandModule, ConstantModule } from '../workload.ts';
import type { JsonClient } from './json-client.ts';
import { listen } from './listen.ts';

const MAX_BODY_BYTES = 1024 ** 2;

export async function startHandWritten(
  workload: string,
  addresses: Addresses,
  http: (url: string) => JsonClient,
): Promise<string> {
  const module = (await import(`../workloads/${workload}/by-hand.ts`)) as ByHandModule | ConstantModule;
  if ('constant' in module) return startConstant(await module.constant(addresses, http));
  const { open } = module;
  const answer = (await open(addresses, http)) as (variables: unknown) => Promise<unknown>;
  const server = createServer((request, response) => {
    readJson(request)
      .then((body) => answer((body as { variables?: unknown }).variables ?? {}))
      .then(
        (data) => sendJson(response, 200, { data }),
        (error: unknown) => sendJson(response, 502, { errors: [{ message: String(error) }] }),
      );
  });
  return `${await listen(server)}/`;
}

/** The body is waited for, as whoever answers a POST has to, and not looked at. */
async function startConstant(text: string): Promise<string> {
  const head = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  };
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(200, head);
      response.end(text);
    });
  });
  return `${await listen(server)}/`;
}

function readJson(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) reject(new Error('the body is too large'));
      else chunks.push(chunk);
    });
    request.on('error', reject);
    request.on('end', () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

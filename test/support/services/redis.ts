import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { startDaemon } from './daemon.ts';
import type { Service } from './service.ts';

const PROBE_MS = 2000;

export const redis: Service = {
  name: 'Redis',
  variable: 'HEM_TEST_REDIS_URL',
  defaultPort: 6379,
  packages: ['redis-server'],
  programs: ['redis-server'],
  url: (port) => `redis://127.0.0.1:${port}`,
  probe: ping,
  start: ({ directory, port }) =>
    startDaemon({
      name: 'redis-server',
      command: [
        ...(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', directory] as const),
        ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ],
      directory,
      probe: () => ping(redis.url(port)),
      deadlineMs: 30_000,
    }),
};

/** AUTH where the URL has a password, then PING. */
function ping(text: string): Promise<void> {
  const url = new URL(text);
  const options = { host: url.hostname, port: Number(url.port || redis.defaultPort) };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = url.protocol === 'rediss:' ? connectTls(options) : connectTcp(options);
  const login = [url.username, url.password].map(decodeURIComponent).filter((part) => part !== '');
  let answer = '';
  socket.setEncoding('utf8');
  socket.setTimeout(PROBE_MS, () => socket.destroy(new Error(`no answer within ${PROBE_MS} ms`)));
  socket.on('data', (data: string) => {
    answer += data;
    if (answer.includes('+PONG\r\n')) resolve();
    else if (answer.startsWith('-') || answer.length > 1024) reject(new Error(answer.slice(0, 80).trim()));
    else return;
    socket.destroy();
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed without an answer to PING')));
  if (url.password !== '') socket.write(toCommand('AUTH', ...login));
  socket.write(toCommand('PING'));
  return promise;
}

function toCommand(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

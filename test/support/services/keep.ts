/** `npm run services`: keeps the services on their default ports until interrupted, so that test runs find them at once. */
import { once } from 'node:events';
import { ensureServices } from './ensure.ts';

await using _services = await ensureServices({ ports: 'default', print: console.log });
console.log('ready; Ctrl-C stops what was started');
const idle = setInterval(() => {}, 60_000);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
clearInterval(idle);

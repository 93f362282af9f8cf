/** Entry of a contender's process. Arguments: contender, workload, addresses of the backends as JSON. */
import type { Addresses } from '../workload.ts';

const [contender = '', workload = '', addresses = '{}'] = process.argv.slice(2);
const { start } = (await import(`../contenders/${contender}.ts`)) as {
  start(workload: string, addresses: Addresses): Promise<string>;
};
process.send!({ ready: { url: await start(workload, JSON.parse(addresses) as Addresses) } });

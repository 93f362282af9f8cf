/** Entry of the process that loads a configuration directory once. Argument: the directory. */
import { loadGeneration } from '../../src/generation.ts';

const [directory = ''] = process.argv.slice(2);
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
collect();
const heapBefore = process.memoryUsage().heapUsed;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const generation = await loadGeneration(directory, {});
const loadMs = Math.round(performance.now() - startedAt);
const { user, system } = process.cpuUsage(cpuBefore);
const rssMb = Math.round(process.memoryUsage.rss() / 1024 ** 2);
collect();
const heapMb = Math.round((process.memoryUsage().heapUsed - heapBefore) / 1024 ** 2);
if (generation.views.length === 0) throw new Error('no views');
process.send!({ ready: { loadMs, cpuMs: Math.round((user + system) / 1000), heapMb, rssMb } });

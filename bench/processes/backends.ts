/** Entry of the backends' process. Argument: workload. */
import type { BackendsModule } from '../workload.ts';

const [workload = ''] = process.argv.slice(2);
const { startBackends } = (await import(`../workloads/${workload}/backends.ts`)) as BackendsModule;
process.send!({ ready: await startBackends() });

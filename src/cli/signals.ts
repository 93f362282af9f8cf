/** Waits for the signal to stop. */
import { readFileSync } from 'node:fs';
import { drained } from '../metrics/standard-output.ts';

/** A terminal that is closed sends it; the number is the bit in the mask of those that are ignored. */
const HANG_UP = { name: 'SIGHUP', bit: 0 } as const;

/** Stops once on SIGTERM, SIGINT or SIGHUP; a second signal ends the process at once. @returns the exit code */
export async function untilStopped(stop: () => Promise<void>): Promise<number> {
  await new Promise<void>((resolve) => {
    let signalled = false;
    const onSignal = () => {
      if (signalled) process.exit(1);
      signalled = true;
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    if (!isIgnored(HANG_UP.bit)) process.on(HANG_UP.name, onSignal);
  });
  await stop();
  await drained();
  return 0;
}

/** As `nohup` has it; listening to it would undo that. Only Linux says so. */
function isIgnored(bit: number): boolean {
  try {
    const mask = /^SigIgn:\s*([\da-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
    return (BigInt(`0x${mask}`) >> BigInt(bit)) % 2n === 1n;
  } catch {
    return false;
  }
}

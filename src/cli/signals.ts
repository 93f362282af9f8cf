/** The signal to stop. */
import { readFileSync } from 'node:fs';
import { drained } from '../metrics/standard-output.ts';

/**
 * Resolves with the first SIGTERM, SIGINT or SIGHUP; a second one ends the process at once. To be called before anything is begun:
 * to the first process of a container, a signal that it does not listen to has never been sent.
 */
export function untilSignalled(): Promise<void> {
  return new Promise<void>((resolve) => {
    let signalled = false;
    const onSignal = () => {
      if (signalled) process.exit(1);
      signalled = true;
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    if (!ignoresHangUp()) process.on('SIGHUP', onSignal);
  });
}

/** Ends the process after it, whatever a library still holds open. @returns the exit code. @throws what stopping throws */
export async function untilStopped(signalled: Promise<void>, stop: () => Promise<void>): Promise<number> {
  await signalled;
  try {
    await stop();
    await drained();
    return 0;
  } finally {
    setImmediate(() => process.exit());
  }
}

/** As `nohup` has it; listening to it would undo that. Only Linux says so. */
function ignoresHangUp(): boolean {
  try {
    // SIGHUP is the lowest bit of the mask.
    return /^SigIgn:\s*[\da-f]*[13579bdf]$/m.test(readFileSync('/proc/self/status', 'latin1'));
  } catch {
    return false;
  }
}

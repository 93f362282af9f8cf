/** Waits for the signal to stop. */

/** Stops once on SIGTERM or SIGINT; a second signal ends the process at once. @returns the exit code */
export async function untilStopped(stop: () => Promise<void>): Promise<number> {
  await new Promise<void>((resolve) => {
    let signalled = false;
    const onSignal = () => {
      if (signalled) process.exit(1);
      signalled = true;
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
  await stop();
  return 0;
}

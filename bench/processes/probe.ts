/** Preloaded into every measured process: tells the driver what the process has used, and ends it when the driver is gone. */
export interface Usage {
  /** User and system, since the process began. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

process.on('message', (message: unknown) => {
  if (message !== 'usage') return;
  const { user, system } = process.cpuUsage();
  process.send!({ usage: { cpuUs: user + system, rssBytes: process.memoryUsage.rss() } satisfies Usage });
});
process.on('disconnect', () => process.exit(0));

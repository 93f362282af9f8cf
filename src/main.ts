#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// `hem.sh` has said so before this file was read. For those who start Node by hand, everything below is still read from there.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/hem'));
const { runCommandLine } = await import('./cli/program.ts');
const { EXIT_UNUSABLE } = await import('./cli/exit-codes.ts');

let hasLostOutput = false;
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // Whoever has read enough may leave.
  if (code === 'EPIPE' || hasLostOutput) return;
  hasLostOutput = true;
  process.exitCode = EXIT_UNUSABLE;
  console.error(`Standard output cannot be written: ${message}`);
});
const exitCode = await runCommandLine(process.argv.slice(2), process.env);
process.exitCode ||= exitCode;

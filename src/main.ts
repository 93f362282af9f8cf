#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// `hem.sh` has said so before this file was read. For those who start Node by hand, everything below is still read from there.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/hem'));
const { runCommandLine } = await import('./cli/program.ts');

process.exitCode = await runCommandLine(process.argv.slice(2), process.env);

/** One gateway per file: two would each count for themselves. Commands beside it need no lock. */

import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { HemError } from '../../errors.ts';

/**
 * The lock is one of the operating system on an empty database beside the store, so it ends with the process that holds it, however that ends.
 * @returns what holds it, until it is closed. @throws {HemError} when another gateway does
 */
export function lockForGateway(path: string): DatabaseSync {
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
  const lock = new Database(`${realPathOf(path)}.lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `another gateway runs on the store ${path}, and two on one file would each count for itself: stop that one first, or name another file with "store: { kind: embedded, file: … }" in hem.yml; several processes share "kind: redis"`,
      cause,
    });
  }
}

/** One file may have several names, also before it is made. */
function realPathOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
}

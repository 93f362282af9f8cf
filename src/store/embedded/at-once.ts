/** Several writes to the SQLite file as one. */
import type { DatabaseSync } from 'node:sqlite';

/** Either all that the work writes is written, or nothing. @returns what the work returns. @throws what it throws, and what SQLite says */
export function atOnce<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk is one of the failures after which SQLite has gone back by itself, and would say only that there is nothing to undo.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

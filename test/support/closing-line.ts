/** A vitest reporter: `N passed, N failed` as the very last line, for people and for machines that read only that. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface Counts {
  readonly passed: number;
  /** Tests, and whatever failed outside of one: a file that does not load, a hook, an unhandled rejection. */
  readonly failed: number;
  readonly skipped: number;
}

/** The environment variable that names a file for the counts; `npm test` prints the line itself, after everything else. */
export const COUNTS_FILE = 'HEM_TEST_COUNTS';

export function toClosingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

export default class ClosingLine implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, unhandledErrors, reason) => {
    const counts = count(modules, unhandledErrors.length + (reason === 'interrupted' ? 1 : 0));
    const file = process.env[COUNTS_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
    else process.once('exit', () => console.log(toClosingLine(counts)));
  };
}

function count(modules: readonly TestModule[], failedOutside: number): Counts {
  const counts = { passed: 0, failed: failedOutside, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state !== 'pending') counts[state]++;
    }
  }
  return counts;
}

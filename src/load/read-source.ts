/** Reads a file of the configuration as text, or says why that cannot be done. */
import type { Problems } from '../problems.ts';
import { FileProblem, type SourceDirectory } from './source-directory.ts';

/** Null when there is no such file; undefined after reporting that it cannot be used. */
export async function readSource(
  directory: SourceDirectory,
  file: string,
  problems: Problems,
): Promise<string | null | undefined> {
  try {
    return (await directory.readText(file)) ?? null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof FileProblem) && code === undefined) throw error;
    problems.report({
      rule: 'unreadable-file',
      at: { file, line: 1, column: 1 },
      message: 'This file cannot be read.',
      found: error instanceof FileProblem ? error.message : code,
    });
    return undefined;
  }
}

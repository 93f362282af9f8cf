/** `hem check`: loads everything, starts nothing. */
import { loadGeneration } from '../generation.ts';
import type { Environment } from '../load/environment.ts';
import { ConfigurationError } from '../problems.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';
import { type Format, reportProblems } from './report.ts';

export async function check(options: {
  readonly directory: string;
  readonly environment: Environment;
  readonly format: Format;
}): Promise<number> {
  try {
    const { graph, views } = await loadGeneration(options.directory, options.environment);
    if (options.format === 'json') reportProblems([], 'json');
    else {
      const fields = [...graph.types.values()].reduce((sum, type) => sum + type.fields.size, 0);
      console.log(
        `${count(graph.connectors.length, 'connector')}, ${count(views.length, 'client')}, ${count(fields, 'field')}: no problems`,
      );
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    reportProblems(error.problems, options.format);
    return EXIT_UNUSABLE;
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

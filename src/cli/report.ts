/** How problems look: for people on stderr, coloured on a terminal; as JSON on stdout. */
import { styleText } from 'node:util';
import { formatProblems, type Problem } from '../problems.ts';

export type Format = 'text' | 'json';

export function reportProblems(problems: readonly Problem[], format: Format): void {
  if (format === 'json') {
    console.log(JSON.stringify({ problems }, null, 2));
    return;
  }
  console.error(colour(formatProblems(problems)));
}

/** styleText leaves the text as it is unless stderr is a terminal that wants colours. */
function colour(text: string): string {
  const style = (format: Parameters<typeof styleText>[0], part: string) =>
    styleText(format, part, { stream: process.stderr });
  return text
    .replace(
      /^(\S+:\d+:\d+) {2}(\S+)$/gm,
      (_line, place: string, rule: string) => `${style('bold', place)}  ${style('red', rule)}`,
    )
    .replace(
      /^ {2}(found|expected|see|hint)( +)/gm,
      (_line, label: string, space: string) => `  ${style('dim', label)}${space}`,
    )
    .replace(/^\d+ problems? in .*$/gm, (line) => style('bold', line));
}

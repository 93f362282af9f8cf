/** References in YAML values: `${env:NAME}`, `${env:NAME:-default}`, `${file:path}` (below the configuration, or absolute: mounted secrets). */
import { isAbsolute } from 'node:path';
import { didYouMean, type Problem } from '../problems.ts';
import type { Environment } from './environment.ts';
import { FileProblem, readBounded, type SourceDirectory, toText } from './source-directory.ts';

/** @param reference as written, braces included */
type Report = (problem: Omit<Problem, 'at'>, reference: string) => void;

const REFERENCE = /\$\{([^}]*)\}/g;

/** The text with all references replaced; those that cannot be are reported and left empty. */
export async function resolveReferences(
  text: string,
  directory: SourceDirectory,
  environment: Environment,
  report: Report,
): Promise<string> {
  const parts = await Promise.all(
    [...text.matchAll(REFERENCE)].map(([reference, inside = '']) =>
      resolveOne(inside, directory, environment, (problem) => report(problem, reference)),
    ),
  );
  let index = 0;
  return text.replace(REFERENCE, () => parts[index++]!);
}

async function resolveOne(
  inside: string,
  directory: SourceDirectory,
  environment: Environment,
  report: (problem: Omit<Problem, 'at'>) => void,
): Promise<string> {
  const env = /^env:([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inside);
  if (env !== null) {
    const [, name = '', fallback] = env;
    const value = environment[name] ?? fallback;
    if (value !== undefined) return value;
    report({
      rule: 'missing-environment-variable',
      message: `The environment variable ${name} is not set.`,
      hint: didYouMean(name, Object.keys(environment)) ?? `set it, or give a default: \${env:${name}:-…}`,
    });
    return '';
  }
  const file = /^file:(.+)$/s.exec(inside)?.[1];
  if (file !== undefined) {
    try {
      const bytes = isAbsolute(file) ? await readBounded(file, file) : await directory.read(file);
      if (bytes !== undefined) return toText(bytes, file).replace(/\r?\n$/, '');
      report({
        rule: 'missing-file',
        message: `There is no file "${file}".`,
        expected: 'a file below the configuration, or an absolute path',
      });
    } catch (error) {
      const message =
        error instanceof FileProblem
          ? error.message
          : `The file "${file}" cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`;
      report({ rule: 'missing-file', message: `${message}.` });
    }
    return '';
  }
  report({
    rule: 'unknown-reference',
    message: 'This is not a reference.',
    found: `\${${inside.slice(0, 40)}}`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
    expected: '${env:NAME}, ${env:NAME:-default} or ${file:path}',
  });
  return '';
}

/** What is wrong with the syntax of a YAML file, as people read it. */
import type { YAMLParseError } from 'yaml';
import type { Problem } from '../problems.ts';

/** What the parser says of all that stands behind a mistake. */
const CONSEQUENCE = / in YAML stream\b/;

/** The mistakes, without what only follows from them: one per line. @param lineOf an offset */
export function syntaxProblems(
  errors: readonly YAMLParseError[],
  text: string,
  lineOf: (offset: number) => number,
): ReadonlyArray<Omit<Problem, 'at'> & { readonly offset: number }> {
  const lines = new Set<number>();
  return errors.flatMap((error, index) => {
    const [offset] = error.pos;
    const line = lineOf(offset);
    if (lines.has(line) || (index > 0 && CONSEQUENCE.test(error.message))) return [];
    lines.add(line);
    return [{ rule: 'yaml-syntax', offset, ...explain(error, text.slice(offset), text[offset - 1]) }];
  });
}

function explain({ code, message }: YAMLParseError, rest: string, before: string | undefined) {
  if (code === 'DUPLICATE_KEY')
    return { message: 'This key stands twice in one map.', found: /^[^\s:]*/.exec(rest)?.[0] };
  if (code === 'UNEXPECTED_TOKEN' && before === '$' && rest.startsWith('{')) {
    const found = `$${/^\{[^}\n]*\}?/.exec(rest)![0]}`;
    return {
      message: 'Between { } and [ ], a reference stands in quotes.',
      found,
      expected: `"${found}"`,
    };
  }
  if (code === 'MULTIPLE_DOCS')
    return {
      message: 'This file has several documents, of which none would be taken.',
      found: '---',
      hint: 'make one of them',
    };
  if (message.startsWith('Maximum call stack')) return { message: 'This is nested too deep to be read.' };
  const plain = `${message.split('\n')[0]!.replace(/ at line.*$/, '')}.`;
  const hint = code === undefined ? undefined : HINTS[code];
  return { message: plain, ...(hint === undefined ? {} : { hint }) };
}

const HINTS: Readonly<Record<string, string>> = {
  MULTILINE_IMPLICIT_KEY: 'a key is followed by a colon and a space: "key: value"',
  BLOCK_AS_IMPLICIT_KEY: 'what belongs below a key stands on lines of its own, two spaces further in',
  TAB_AS_INDENT: 'indent with spaces',
  MISSING_CHAR: 'a quote or bracket is not closed, here or before',
  BAD_SCALAR_START: 'put the value in quotes',
};

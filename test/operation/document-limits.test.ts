/** What counts and what does not, at the very limit. */
import { GraphQLError, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { hemSettings, limitsOf, type OperationLimits } from '../../src/load/settings/settings.ts';
import {
  CYCLE,
  checkOverlaps,
  checkSize,
  checkText,
  checkVariables,
} from '../../src/operation/document-limits.ts';

const LIMITS: OperationLimits = {
  ...limitsOf(hemSettings.parse({})),
  depth: 3,
  fields: 10,
  rootFields: 4,
  directives: 2,
  variablesDepth: 3,
};
/** Four levels per level of depth, and twenty. */
const BRACKETS = 32;

const size = (text: string) => {
  const found = checkSize(parse(text), LIMITS);
  return found === CYCLE ? 'cycle' : found?.message;
};

describe('brackets', () => {
  const nested = (count: number) => '{'.repeat(count) + '}'.repeat(count);

  it('may nest up to the limit', () => {
    expect(checkText(nested(BRACKETS), LIMITS)).toBeUndefined();
    expect(checkText(nested(BRACKETS + 1), LIMITS)?.message).toContain('levels of brackets');
    expect(checkText('{}[]()'.repeat(1000), LIMITS)).toBeUndefined();
  });

  const many = '{'.repeat(BRACKETS + 1);
  it.each([
    ['a string', `"${many}"`],
    ['a string after an escaped quote', `"\\"${many}"`],
    ['a string after an escaped backslash and an empty one', `"\\\\" "" "${many}"`],
    ['a block string', `"""${many}"""`],
    ['a block string with quotes in it', `"""a "" b \\""" ${many}"""`],
    ['a comment', `# ${many}\n`],
    ['a comment with a quote', `# " ${many}\n`],
    ['a comment at the end', `# ${many}`],
  ])('do not count within %s', (_what, text) => {
    expect(checkText(text, LIMITS)).toBeUndefined();
  });

  it.each([
    ['a string', `"a"${many}`],
    ['a string that the line ends', `"a\n${many}`],
    ['an empty block string', `""""""${many}`],
    ['a block string that ends in a backslash and quotes', `"""\\""""""${many}`],
    ['a comment', `# a\r${many}`],
  ])('count after %s', (_what, text) => {
    expect(checkText(text, LIMITS)).toBeDefined();
  });

  it('are bounded whatever the configuration says: parsing is recursive', () => {
    expect(checkText(nested(501), { ...LIMITS, depth: 10_000_000 })).toBeDefined();
  });
});

describe('directives', () => {
  it('count outside strings and comments', () => {
    expect(checkText('@a @b "@c" #@d', LIMITS)).toBeUndefined();
    expect(checkText('@a @b @c', LIMITS)?.message).toContain('directives');
  });
});

describe('fields', () => {
  it.each([
    ['{a{b{c}}}', undefined],
    ['{a{b{c{d}}}}', 'levels'],
    ['{a{...F}} fragment F on T{b{c}}', undefined],
    ['{a{...F}} fragment F on T{b{c{d}}}', 'levels'],
    ['{a{...on T{...on T{...on T{b{c}}}}}}', undefined],
    ['{a b c d}', undefined],
    ['{a b c d e}', 'root fields'],
    ['{...F ...F} fragment F on T{a b}', undefined],
    ['{...F ...F} fragment F on T{a b c}', 'root fields'],
    ['{a{a b c d e f g h i}}', undefined],
    ['{a{a b c d e f g h i j}}', 'fields'],
    ['{a{...F} b{...F}} fragment F on T{a b c d}', undefined],
    ['{a{...F} b{...F}} fragment F on T{a b c d e}', 'fields'],
    ['{a} fragment F on T{a b c d e f g h i j k}', 'fields'],
    ['{...F}', undefined],
  ])('of %s', (text, expected) => {
    if (expected === undefined) expect(size(text)).toBeUndefined();
    else expect(size(text)).toMatch(new RegExp(`has (more than )?\\d+ ${expected};`));
  });

  it('of a cycle are not counted', () => {
    expect(size('{...A} fragment A on T{...B a} fragment B on T{...A b}')).toBe('cycle');
  });
});

describe('overlaps', () => {
  const same = (count: number) => checkOverlaps(parse(`{a{${'b '.repeat(count)}}}`));

  it('of one name cost the square of their number', () => {
    expect(same(200)).toBeUndefined();
    expect(same(300)).toBeDefined();
  });

  it('of different names cost nothing', () => {
    const text = `{a{${Array.from({ length: 1000 }, (_, index) => `b${index}:c`).join(' ')}}}`;
    expect(checkOverlaps(parse(text))).toBeUndefined();
  });

  it('end in cycles', () => {
    expect(
      checkOverlaps(parse('{...A} fragment A on T{a{...A} ...B} fragment B on T{...A}')),
    ).toBeUndefined();
  });
});

describe('variables', () => {
  it.each([
    [{ a: { b: [1] } }, undefined],
    [{ a: { b: [[1]] } }, 'levels'],
    [{ a: { b: [] } }, undefined],
    [Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, 1])), undefined],
    [{ a: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`k${index}`, 1])) }, 'keys'],
    [{ a: new Array(100_000).fill(1) }, undefined],
    [{ a: new File(['x'], 'x') }, undefined],
  ])('case %#', (variables, expected) => {
    const problem = checkVariables(variables, LIMITS);
    const message = problem instanceof GraphQLError ? problem.message : undefined;
    if (expected === undefined) expect(message).toBeUndefined();
    else expect(message).toContain(expected);
  });
});

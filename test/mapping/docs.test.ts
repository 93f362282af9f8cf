/** The examples in docs/mapping.md do what they say, and docs/configuration.md names every key. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { commonSettings } from '../../src/connectors/settings.ts';
import { clientSettings, hemSettings } from '../../src/load/settings/settings.ts';
import { parseLiteral } from '../../src/mapping/literal.ts';
import { parseValueMap, toReader } from '../../src/mapping/path.ts';
import { ROOT } from '../support/imports.ts';

const MAPPING = readFileSync(join(ROOT, 'docs/mapping.md'), 'utf8');

/** Rows of three code cells below a heading. */
function examplesOf(heading: string): ReadonlyArray<readonly [string, string, string]> {
  const section = MAPPING.slice(MAPPING.indexOf(`\n## ${heading}\n`)).split('\n## ')[1]!;
  return [...section.matchAll(/^\| `(.+?)` \| `(.+?)` \| `(.+?)` \|$/gm)].map(
    ([, one = '', two = '', three = '']) => [one, two, three] as const,
  );
}

describe('examples', () => {
  test.each(examplesOf('Paths and value maps'))('%s of %s is %s', (text, record, value) => {
    const read = toReader(parseValueMap(text))(JSON.parse(record));
    expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(value));
  });

  test.each(examplesOf('Literals'))('%s with %s is %s', (text, args, value) => {
    const made = parseLiteral(text).evaluate({ args: JSON.parse(args), parent: {}, claims: {} });
    expect(JSON.parse(JSON.stringify(made))).toEqual(JSON.parse(value));
  });

  test('there are some', () => {
    expect(examplesOf('Paths and value maps').length).toBeGreaterThan(10);
    expect(examplesOf('Literals').length).toBeGreaterThan(5);
  });
});

test('docs/configuration.md names every key of the YAML files', () => {
  const text = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  for (const settings of [hemSettings, clientSettings, commonSettings]) {
    const names = keysOf(z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  }
});

function keysOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, anyOf = [] } = schema as {
    properties?: Record<string, unknown>;
    anyOf?: unknown[];
  };
  return [
    ...Object.entries(properties).flatMap(([name, inner]) => [name, ...keysOf(inner)]),
    ...anyOf.flatMap(keysOf),
  ];
}

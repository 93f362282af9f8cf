/** Configurations that try to hurt: refused with a message, in a bounded time, without touching what everybody shares. */
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadGeneration } from '../../src/generation.ts';
import { ConfigurationError, type Problem } from '../../src/problems.ts';
import { writeConfiguration } from '../support/gateway.ts';

const GOOD = {
  'connectors/things/connector.yml': 'kind: rest\nendpoint: http://things.test\n',
  'connectors/things/schema.graphql':
    'type Query { thing(id: ID!): Thing @lookup @rest(get: "/things/{id}") } type Thing @key(fields: "id") { id: ID! name: String }',
  'schemas/web.graphql': 'type Query { thing(id: ID!): Thing } type Thing { id: ID! name: String }',
  'clients/web/client.yml': '{}',
};

/** Problems, and how long it took to find them. */
async function load(files: Readonly<Record<string, string | Buffer>>): Promise<readonly Problem[]> {
  const directory = await writeConfiguration({ ...GOOD, ...files });
  const start = performance.now();
  try {
    await loadGeneration(directory, {});
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  } finally {
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    await rm(directory, { recursive: true });
  }
}

function thing(field: string): Readonly<Record<string, string>> {
  return {
    'connectors/things/schema.graphql': `type Query { thing(id: ID!): Thing @lookup @rest(get: "/things/{id}") ${field} } type Thing @key(fields: "id") { id: ID! name: String }`,
  };
}

const DEEP = 50_000;

describe('nested without end', () => {
  test.each([
    ['a type', 'schemas/web.graphql', `type Query { a: ${'['.repeat(DEEP)}Int${']'.repeat(DEEP)} }`],
    [
      'a value',
      'connectors/things/schema.graphql',
      `type Query { a(b: [Int] = ${'['.repeat(DEEP)}${']'.repeat(DEEP)}): Int @rest(get: "/a") }`,
    ],
    [
      'a selection',
      'clients/web/operations/deep.graphql',
      `query A { ${'thing(id: 1) { '.repeat(DEEP)} id ${'}'.repeat(DEEP)} }`,
    ],
    ['YAML', 'hem.yml', `limits: ${'['.repeat(DEEP)}${']'.repeat(DEEP)}`],
    ['JSON in YAML', 'clients/web/client.yml', `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`],
  ])('%s', async (_what, file, text) => {
    const problems = await load({ [file]: text });
    expect(problems.map(({ at }) => at.file)).toContain(file);
  });

  test.each([
    ['braces of a value map', `a: String @rest(get: "/a", select: "${'a{'.repeat(5000)}")`],
    ['a path', `a: String @rest(get: "/a", select: "${'a.'.repeat(50_000)}")`],
    ['a literal', `a: String @rest(post: "/a", body: "${'['.repeat(5000)}${']'.repeat(4000)}")`],
    ['a key', `b: B @rest(get: "/b") } type B @key(fields: "${'a { '.repeat(5000)}") { a: B`],
    ['a template', `a: String @rest(get: "/${'{'.repeat(50_001)}")`],
  ])('%s', async (_what, field) => {
    expect((await load(thing(field))).length).toBeGreaterThan(0);
  });
});

describe('what expands', () => {
  test('aliases of YAML, nine levels of ten', async () => {
    const levels = [...'abcdefghi'].map(
      (name, index, all) =>
        `${name}: &${name} [${Array(10)
          .fill(index === 0 ? 'x' : `*${all[index - 1]}`)
          .join(', ')}]`,
    );
    const [problem] = await load({ 'connectors/things/connector.yml': levels.join('\n') });
    expect(problem).toMatchObject({
      rule: 'yaml-syntax',
      message: 'The aliases of this file cannot be followed.',
    });
  });

  test('an alias that contains itself', async () => {
    expect((await load({ 'hem.yml': 'limits: &a\n  depth: *a\n' })).length).toBeGreaterThan(0);
  });

  test('fragments that contain themselves', async () => {
    const problems = await load({
      'clients/web/operations/a.graphql':
        'query A { thing(id: 1) { ...B } } fragment B on Thing { ...C } fragment C on Thing { ...B }',
    });
    expect(problems[0]!.message).toContain('Cannot spread fragment "B" within itself');
  });
});

describe('names that every object inherits', () => {
  test('as types, fields, arguments, enum values, keys and clients', async () => {
    const problems = await load({
      'connectors/things/schema.graphql': `
        type Query { constructor(toString: ID! @is(field: "hasOwnProperty")): valueOf @lookup @rest(get: "/{toString}") }
        type valueOf @key(fields: "hasOwnProperty") { hasOwnProperty: ID! isPrototypeOf: constructor }
        enum constructor { toString constructor }`,
      'schemas/constructor.graphql':
        'type Query { constructor(toString: ID!): valueOf } type valueOf { isPrototypeOf: constructor } enum constructor { toString }',
      'clients/constructor/client.yml': '{}',
      'schemas/web.graphql':
        'type Query { a(toString: ID!): V @from(field: "constructor", args: "{ toString: $toString }") } type V @from(type: "valueOf") { hasOwnProperty: ID! }',
    });
    expect(problems).toEqual([]);
  });

  test('as keys of YAML they are unknown settings', async () => {
    const problems = await load({
      'hem.yml': '__proto__: { polluted: 1 }\nlimits: { "__proto__": { polluted: 1 } }\nconstructor: 1\n',
    });
    expect(problems.map(({ rule }) => rule)).toEqual(['unknown-key', 'unknown-key', 'unknown-key']);
  });
});

describe('files', () => {
  test('that are not text, or too large', async () => {
    expect((await load({ 'hem.yml': Buffer.from([0xff, 0xfe, 0x00, 0x80]) })).length).toBeGreaterThan(0);
    const large = await load({ 'schemas/web.graphql': `#${' '.repeat(17 * 1024 ** 2)}` });
    expect(large).toMatchObject([{ rule: 'unreadable-file', at: { file: 'schemas/web.graphql' } }]);
  });

  test('that are links: within the directory they are read, as mounted volumes have them; out of it never', async () => {
    const directory = await writeConfiguration({
      ...GOOD,
      '..data/web.graphql': GOOD['schemas/web.graphql'],
    });
    try {
      await rm(join(directory, 'schemas/web.graphql'));
      await symlink('../..data/web.graphql', join(directory, 'schemas/web.graphql'));
      expect((await loadGeneration(directory, {})).views).toHaveLength(1);
      await rm(join(directory, 'connectors/things/connector.yml'));
      await symlink('/etc/hostname', join(directory, 'connectors/things/connector.yml'));
      await rm(join(directory, 'schemas/web.graphql'));
      await symlink('/etc/passwd', join(directory, 'schemas/web.graphql'));
      const error = await loadGeneration(directory, {}).catch((caught: unknown) => caught);
      expect((error as ConfigurationError).problems).toMatchObject([
        { rule: 'unreadable-file', at: { file: 'connectors/things/connector.yml' } },
        { rule: 'unreadable-file', at: { file: 'schemas/web.graphql' } },
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('with control characters in names: what is printed is harmless', async () => {
    const directory = await writeConfiguration({ ...GOOD, 'hem.yml': '"\\e[31mred\\n\\u0007": 1\n' });
    const error = await loadGeneration(directory, {}).catch((caught: Error) => caught);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect((error as Error).message).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    await rm(directory, { recursive: true });
  });
});

/**
 * `hem explain`, as reviewers and machines use it. What it says of the bike-share's operations stands in `explained/`; `UPDATE=1` writes
 * it anew: read the difference before committing it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';

vi.setConfig({ testTimeout: 60_000 });

const env = { PATH: process.env.PATH };

function explain(...args: readonly string[]) {
  return runCommand([process.execPath, 'src/main.ts', 'explain', ...args], { env, deadlineMs: 30_000 });
}

/** What comes from a shell: the operation on standard input. */
function explainText(text: string, ...args: readonly string[]) {
  const command = `printf '%s' "$TEXT" | ${process.execPath} src/main.ts explain ${args.join(' ')}`;
  return runCommand(['sh', '-c', command], { env: { ...env, TEXT: text }, deadlineMs: 30_000 });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hem-explain-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the bike-share’s operations', () => {
  test.each([
    ['web', 'Showcase', 'text'],
    ['web', 'LiveMap', 'text'],
    ['web', 'EndRide', 'json'],
    ['mobile', 'Showcase', 'text'],
  ])('%s %s as %s', async (client, operation, format) => {
    const { code, output } = await explain(client, operation, '--format', format);
    const file = join(import.meta.dirname, 'explained', `${client}-${operation}.${format}.txt`);
    if (process.env.UPDATE === '1') writeFileSync(file, output);
    expect(output).toBe(readFileSync(file, 'utf8'));
    expect(code).toBe(0);
    expect(output).not.toContain('\x1b');
  });
});

test('without an operation all of the client’s own are listed', async () => {
  const { code, output } = await explain('iot');
  expect(code).toBe(0);
  expect(output).toBe(
    `${[
      'OPERATION   KIND          CALLS  IN A ROW  COST  FILE',
      'HoldSlot    mutation      1      1         11    clients/iot/operations/hold-slot.graphql',
      'Showcase    query         4      2         102   clients/iot/operations/showcase.graphql',
      'WatchSlots  subscription  0      0         2     clients/iot/operations/watch-slots.graphql',
    ].join('\n')}\n`,
  );
  const listed = JSON.parse((await explain('iot', '--format', 'json')).output) as { operations: unknown[] };
  expect(listed.operations[1]).toEqual({
    ...{ name: 'Showcase', operation: 'query', engine: 'compiled' },
    file: 'clients/iot/operations/showcase.graphql',
    ...{ calls: 4, longestChain: 2, cost: 102 },
  });
});

test('a mistake points to the help of the command that was meant', async () => {
  const { code, output } = await explain();
  expect(code).toBe(2);
  expect(output).toContain("missing required argument 'client'");
  expect(output).toContain('Run "hem explain --help" to see what there is.');
});

test('the example in the documentation is what is printed', async () => {
  const page = readFileSync(join(ROOT, 'docs/query-plan.md'), 'utf8');
  const [, operation, text] = /^```graphql\n(.*?)^```$.*?^```text\n(.*?)^```$/ms.exec(page)!;
  expect(await explainText(operation!, 'web', '-')).toEqual({ code: 0, output: text });
});

describe('where the operation comes from', () => {
  test('its name, its file’s name, its file’s path, any file and standard input are the same', async () => {
    const file = 'clients/web/operations/search.graphql';
    const text = readFileSync(join(ROOT, file), 'utf8');
    await writeFile(join(folder, 'elsewhere.graphql'), text);
    const outputs = await Promise.all([
      explain('web', 'Search'),
      explain('web', 'search'),
      explain('web', file),
      explain('web', join(folder, 'elsewhere.graphql')),
      explainText(text, 'web', '-'),
    ]);
    expect(new Set(outputs.map(({ output }) => output)).size).toBe(1);
    expect(outputs[0]).toMatchObject({
      code: 0,
      output: expect.stringContaining('GET /v1/places?text={text}'),
    });
  });

  test('fragments may stand in other files of the client, and those that are not used are nobody’s affair', async () => {
    const directory = await writeConfiguration({
      'connectors/things/connector.yml': 'kind: rest\nendpoint: http://127.0.0.1:1\n',
      'connectors/things/schema.graphql':
        'type Query { thing: Thing @rest(get: "/thing") }\ntype Thing { id: ID name: String }\n',
      'schemas/web.graphql': 'type Query { thing: Thing }\ntype Thing { id: ID name: String }\n',
      'clients/web/client.yml': '{}',
      'clients/web/operations/a.graphql': 'query A { thing { ...Names } }',
      'clients/web/operations/names.graphql': 'fragment Names on Thing { name ...Ids }',
      'clients/web/operations/rest.graphql': 'fragment Ids on Thing { id }\nfragment Unused on Thing { id }',
    });
    try {
      expect(await explain('--config', directory, 'web', 'A')).toMatchObject({
        code: 0,
        output: expect.stringContaining('GET /thing'),
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('one of several is chosen by --name', async () => {
    const text = 'query A { stations { id } } query B { __typename }';
    expect(await explainText(text, 'web', '-')).toEqual({
      code: 2,
      output: 'hem: standard input has 2 operations\n     say which with --name: A, B\n',
    });
    expect(await explainText(text, 'web', '-', '--name', 'B')).toEqual({
      code: 0,
      output: expect.stringMatching(/^web · B, a query\nNo backend call\.\nUnder the plan free /),
    });
    expect(await explainText(text, 'web', '-', '--name', 'AA')).toMatchObject({
      code: 2,
      output: expect.stringMatching(/has no operation "AA"\n +did you mean "A"/),
    });
  });
});

describe('what is wrong', () => {
  test.each([
    [['wev', 'Showcase'], 'there is no client "wev"\n     did you mean "web"?'],
    [['web', 'Showcas'], 'there is no such file\n     did you mean "Showcase"'],
    [['web', '/'], '/ cannot be read'],
    [['web', '/dev/zero'], '/dev/zero is longer than'],
    [['web', 'Showcase', '--list-length', '0'], 'A list length is a whole number from 1 to 10000'],
  ])('%j: 2, and what to do', async (args, text) => {
    const { code, output } = await explain(...args);
    expect([code, output]).toEqual([2, expect.stringContaining(text)]);
  });

  test('an operation that the gateway would refuse: 1, where and why', async () => {
    expect(await explainText('{\n  station { id }\n  statoin\n}', 'web', '-')).toEqual({
      code: 1,
      output: expect.stringMatching(
        /^standard input:2:3 {2}GRAPHQL_VALIDATION_FAILED\n.*\n\nstandard input:3:3 {2}GRAPHQL_VALIDATION_FAILED\n.*Did you mean "station".*\n\nThe gateway would refuse this for "web".\n$/,
      ),
    });
    expect(await explainText(`{ ${'a { '.repeat(100)}`, 'web', '-')).toMatchObject({
      code: 1,
      output: expect.stringContaining('OPERATION_TOO_LARGE'),
    });
    const { code, output } = await explainText('{', 'web', '-', '--format', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(output)).toEqual({
      client: 'web',
      errors: [
        {
          code: 'GRAPHQL_PARSE_FAILED',
          at: { file: 'standard input', line: 1, column: 2 },
          message: 'Syntax Error: Expected Name, found <EOF>.',
        },
      ],
    });
  });
});

test('what does not compile says why: 0, because it is answered all the same', async () => {
  expect(await explainText('{ __schema { queryType { name } } }', 'web', '-')).toEqual({
    code: 0,
    output: expect.stringMatching(
      /^web · \(without a name\), a query\nRuns on the reference engine, which answers the same, more slowly: introspection \(__schema\)\.\nUnder the plan free /,
    ),
  });
  const { output } = await explainText('{ __schema { queryType { name } } }', 'web', '-', '--format', 'json');
  expect(JSON.parse(output)).toEqual({
    client: 'web',
    name: null,
    operation: 'query',
    engine: 'reference',
    reason: 'introspection (__schema)',
    cost: { atMost: 0, maximum: null, lists: [] },
    limits: [],
    plans: [
      { plan: 'free', denied: [], limits: [expect.objectContaining({ name: 'per-minute', amount: 1 })] },
      expect.objectContaining({ plan: 'partner', denied: [] }),
    ],
  });
});

describe('the bound', () => {
  const boundOf = async (text: string, ...args: readonly string[]) =>
    (await explainText(text, 'web', '-', ...args)).output.split('\n')[1];

  test('says how long it takes lists to be, and grows with them', async () => {
    const query = '{ stations { rides { rider { balance { amount } } } } }';
    const terms = 'stations[] + stations[].rides[]';
    expect(await boundOf(query)).toBe(
      `At most 111 backend calls, if every list has 10 elements: 1 + ${terms}.`,
    );
    expect(await boundOf(query, '--list-length', '3')).toBe(
      `At most 13 backend calls, if every list has 3 elements: 1 + ${terms}.`,
    );
  });

  test('counts what fits into one call once, and says when it does not', async () => {
    const query = '{ stations { rides { rider { name } bike { model } } } }';
    expect(await boundOf(query)).toBe(
      'At most 13 backend calls, if every list has 10 elements: 3 + stations[].',
    );
    expect(await boundOf(query, '--list-length', '50')).toBe(
      'At most 79 backend calls, if every list has 50 elements: 1 + stations[] + ⌈stations[].rides[] / 100⌉ + ⌈stations[].rides[] / 1000⌉.',
    );
  });

  test('takes one object to be of one type, the dearest', async () => {
    expect(
      await boundOf(
        'subscription { rideEvents(city: LINDHAVEN) { ... on RideStarted { ride { rider { name } } } ... on RideEnded { ride { rider { name } bike { model } } } } }',
      ),
    ).toBe('At most 2 backend calls for each event.');
  });
});

test('is coloured and as wide as the terminal', async () => {
  const command = `stty cols 60; ${process.execPath} src/main.ts explain web Showcase`;
  const { output } = await runCommand(['script', '-qec', command, '/dev/null'], {
    env: { ...env, TERM: 'xterm-256color' },
    deadlineMs: 30_000,
  });
  expect(output).toContain('\x1b[36mstations\x1b[39m');
  const sentences = output
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    .replace(/\x1b\[\d+m/g, '')
    .split(/\r?\n/)
    .filter((line) => !/[├└]─ /.test(line));
  expect(sentences.length).toBeGreaterThan(40);
  expect(sentences.filter((line) => line.length > 60)).toEqual([]);
});

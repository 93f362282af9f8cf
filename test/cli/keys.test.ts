/** `hem keys`, `plans`, `consumers` and `subscriptions`, without a gateway: what is printed, and the exit codes. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { FILES, hem, hemJson } from '../consumers/configuration.ts';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

let directory: string;
vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  directory = await writeConfiguration(FILES);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (...args: readonly string[]) => hem(directory, ...args);
const json = (...args: readonly string[]) => hemJson(directory, ...args);
const create = ['keys', 'create', '--consumer', 'acme', '--plan', 'partner'] as const;

test('create says what it made beside the key, and prints the key once', async () => {
  const first = await run(...create, '--label', 'ci \u001b[31m');
  expect(first.code).toBe(0);
  expect(first.output).toMatch(/^made the consumer "acme"$/m);
  expect(first.output).toMatch(/^made the subscription sub_\w{12} of "acme" to version 1 of "partner"$/m);
  const key = /^hem_live_(\w{12})_\w{32}_\w{6}$/m.exec(first.output)!;
  expect(first.output).toContain(`the key ${key[1]} of "acme"`);
  const made = await json(...create, '--client', 'web', '--expires', '90d', '--test');
  expect(made).toMatchObject({
    id: expect.any(String),
    key: expect.stringMatching(/^hem_test_/),
    plan: 'partner',
  });
  const { output } = await run('keys', 'list');
  expect(output).toMatch(/^ID +CONSUMER +PLAN +STATE/);
  expect(output).toContain(key[1]);
  expect(output).not.toContain(key[0]);
  expect(output).not.toContain('\u001b');
});

test('standard output of create as JSON is one object, and nothing else', async () => {
  const { output } = await runCommand([
    ...[
      'sh',
      '-c',
      `${process.execPath} src/main.ts keys create --consumer fresh --plan free --format json --config ${directory} 2>/dev/null`,
    ],
  ] as unknown as [string, ...string[]]);
  expect(Object.keys(JSON.parse(output))).toEqual([
    'id',
    'key',
    'consumer',
    'plan',
    'planVersion',
    'expiresAt',
  ]);
});

test('rotate, revoke and list', async () => {
  const { id } = await json(...create);
  const next = await json('keys', 'rotate', id, '--overlap', '10m');
  expect(next.id).not.toBe(id);
  expect((await run('keys', 'rotate', id)).output).toContain(`was rotated before: ${next.id}`);
  const { code, output } = await run('keys', 'revoke', next.key);
  expect([code, output]).toEqual([2, expect.stringContaining(`public part, "${next.id}"`)]);
  expect(output).not.toContain(next.key);
  expect(next).toMatchObject({ replaces: id, replacedEndsAt: expect.stringMatching(/^2\d{3}-.*Z$/) });
  expect((await run('keys', 'revoke', id, 'nobodys')).output).toMatch(
    /There is no key[\s\S]*Nothing was revoked/,
  );
  expect(await json('keys', 'show', id)).toMatchObject({ id, state: 'active', replacedBy: next.id });
  // What was put in its place and revoked is in nobody's place: it can be rotated again, and the new one lives as long.
  await json('keys', 'revoke', next.id);
  const again = await json('keys', 'rotate', id);
  expect([again.replaces, again.expiresAt]).toEqual([id, null]);
  await json('keys', 'revoke', again.id);
  const third = await json('keys', 'rotate', id);
  expect(third.replaces).toBe(id);
  expect(await json('keys', 'revoke', id, next.id)).toEqual({ revoked: [id, next.id] });
  const { keys } = await json('keys', 'list', '--consumer', 'acme', '--plan', 'partner');
  const states = keys.filter((key: { id: string }) => [id, next.id].includes(key.id));
  expect(states).toMatchObject([
    { state: 'revoked', replacedBy: third.id },
    { state: 'revoked', replaces: id },
  ]);
});

test('what check refuses makes no version; who needs none goes on', async () => {
  const broken = await writeConfiguration(FILES);
  onTestFinished(() => rm(broken, { recursive: true }));
  expect(await hemJson(broken, 'plans', 'list')).toMatchObject({ plans: [], pending: [{}, {}] });
  expect(await hemJson(broken, 'plans', 'show', 'free')).toMatchObject({ version: 1, pending: true });
  await hemJson(broken, ...create);
  const plans = FILES['clients/plans.yml'] as string;
  const file = join(broken, 'clients/plans.yml');
  for (const mistake of ['fields: { exclude: ["tag:mony"] }', 'scopes: ["a b"]', 'clients: [wbe]']) {
    await writeFile(file, plans.replace('clients: [web], approval: automatic', `clients: [web], ${mistake}`));
    if (mistake.startsWith('clients'))
      await writeFile(file, plans.replace('clients: [web], a', `${mistake}, a`));
    const checked = await hem(broken, 'check');
    expect(checked.code).toBe(2);
    expect(await hem(broken, ...create)).toEqual(checked);
    expect((await hemJson(broken, 'plans', 'list')).plans).toMatchObject([{ newest: 1 }, { newest: 1 }]);
  }
  await writeFile(file, plans);
  await writeFile(join(broken, 'connectors/things/schema.graphql'), 'type {');
  expect((await hemJson(broken, ...create)).planVersion).toBe(1);
});

test('publishable keys are shown again', async () => {
  const { key } = await json(...create, '--publishable', '--origin', 'https://app.example.com');
  expect((await run('keys', 'list')).output).toContain(key);
});

test('import, several and from standard input', async () => {
  const hashes = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
  const wish = ['--consumer', 'old', '--plan', 'free', '--algorithm', 'sha256'];
  expect((await json('keys', 'import', ...wish, hashes[0]!, hashes[1]!)).imported).toHaveLength(2);
  const command = `printf '%s\\n' ${hashes[2]} | ${process.execPath} src/main.ts keys import ${wish.join(' ')} --config ${directory} -`;
  expect((await runCommand(['sh', '-c', command])).code).toBe(0);
  expect((await json('keys', 'list', '--consumer', 'old')).keys).toHaveLength(3);
  expect((await json('keys', 'import', ...wish, ...hashes)).imported).toHaveLength(3);
  expect((await json('keys', 'list', '--consumer', 'old')).keys).toHaveLength(3);
  const others = ['--consumer', 'other', '--plan', 'free', '--algorithm', 'sha256'];
  const refused = await run('keys', 'import', ...others, hashes[2]!);
  expect(refused.output).toMatch(/hash 1: .*was imported before/);
  expect((await json('consumers', 'list')).consumers).not.toContainEqual(
    expect.objectContaining({ name: 'other' }),
  );
  const list = `'${'d'.repeat(64)}' '' nonsense '${'e'.repeat(63)}'`;
  const bad = await runCommand(['sh', '-c', command.replace(hashes[2]!, list)]);
  expect(bad).toMatchObject({ code: 2, output: expect.stringContaining('2 of 3 cannot be') });
  expect(bad.output).toMatch(/line 3: A hash of sha256 has 64.*line 4: A hash/s);
  expect((await json('keys', 'list', '--consumer', 'old')).keys).toHaveLength(3);
});

test('plans and their versions', async () => {
  expect((await run('plans', 'list')).output).toMatch(/^free +1 +automatic +web/m);
  await json('consumers', 'create', 'versions');
  await json('keys', 'create', '--consumer', 'versions', '--plan', 'free');
  const file = join(directory, 'clients/plans.yml');
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replace('automatic }', 'automatic, description: Free }'),
  );
  const unmade = await run('plans', 'show', 'free@2');
  expect(unmade.output).toMatch(/version 2, not made yet.*description: Free/s);
  expect((await run('plans', 'list')).output).toContain('free@2 is in clients/plans.yml, and not made yet');
  expect(await json('plans', 'list')).toMatchObject({
    pending: [{ plan: 'free', version: 2, what: 'made' }],
  });
  expect(await json('plans', 'show', 'free')).toMatchObject({ newest: 1, version: 1 });
  await json('keys', 'create', '--consumer', 'versions', '--plan', 'free');
  const shown = await json('plans', 'show', 'free');
  expect(shown).toMatchObject({ newest: 2, version: 2, pending: false, content: { description: 'Free' } });
  expect((await json('plans', 'show', 'free@1')).content.description).toBeUndefined();
  expect((await run('plans', 'show', 'free@3')).code).toBe(2);
  const [{ id }] = (await json('subscriptions', 'list', '--consumer', 'versions')).subscriptions;
  expect((await run('subscriptions', 'list')).output).toMatch(new RegExp(`^${id} .* 1 of 2 `, 'm'));
  expect(await json('subscriptions', 'move', id)).toMatchObject({ planVersion: 2 });
});

test('consumers and what they ask for', async () => {
  const { token } = await json('consumers', 'create', 'shop', '--title', 'A shop');
  expect(token).toMatch(/^hem_portal_/);
  expect((await run('consumers', 'list')).output).toMatch(/^shop +A shop +\d{4}/m);
  expect(await json('consumers', 'suspend', 'shop')).toMatchObject({ suspendedAt: expect.any(String) });
  expect((await run('keys', 'create', '--consumer', 'shop', '--plan', 'free')).output).toContain(
    'is suspended',
  );
  expect((await run('consumers', 'resume', 'shop')).output).toContain('shop is not suspended');
  expect((await json('consumers', 'token', 'shop')).token).not.toBe(token);
});

test.each([
  [['keys', 'create', '--consumer', 'acme', '--plan', 'partnr'], 'did you mean "partner"?'],
  [['keys', 'create', '--consumer', 'acme'], "required option '--plan <name>'"],
  [['keys', 'create', '--consumer', 'No Name', '--plan', 'free'], 'lower-case letters'],
  [
    ['keys', 'create', '--consumer', 'nobody-new', '--plan', 'free', '--client', 'wbe'],
    'did you mean "web"?',
  ],
  [['keys', 'create', '--consumer', 'acme', '--plan', 'free', '--expires', 'soon'], '"90d"'],
  [['keys', 'create', '--consumer', 'acme', '--plan', 'free', '--publishable'], '--origin come together'],
  [['keys', 'list', '--consumer', 'acmee'], 'did you mean "acme"?'],
  [['keys', 'list', '--plan', 'partnr'], 'did you mean "partner"?'],
  [['keys', 'rotate', 'nope'], 'There is no key "nope"'],
  [['keys', 'rotate', 'nope', '--overlap', 'x'], 'a duration such as'],
  [['keys', 'revoke', 'nope'], 'There is no key "nope"'],
  [['keys', 'revok', 'nope'], 'Did you mean revoke?'],
  [['consumers', 'suspend', 'acmee'], 'did you mean "acme"?'],
  [['subscriptions', 'approve', 'sub_nope'], 'There is no subscription'],
  [['subscriptions', 'list', '--state', 'open'], 'Allowed choices'],
  [['plans', 'show', 'partnr'], 'did you mean "partner"?'],
])('%s: 2, and says what is wrong', async (args, text) => {
  const { code, output } = await run(...args);
  expect([code, output]).toEqual([2, expect.stringContaining(text)]);
  expect(output).not.toMatch(/^ +at /m);
});

test('a refusal leaves nothing behind', async () => {
  const { consumers } = await json('consumers', 'list');
  expect(consumers.map(({ name }: { name: string }) => name)).not.toContain('nobody-new');
});

test('a directory without plans: 2, and nothing is made there', async () => {
  const { 'clients/plans.yml': _plans, ...files } = FILES;
  const bare = await writeConfiguration(files);
  for (const args of [
    ['keys', 'list'],
    ['plans', 'list'],
    ['keys', 'revoke', 'x'],
  ])
    expect(await hem(bare, ...args)).toMatchObject({
      code: 2,
      output: expect.stringContaining('clients/plans.yml'),
    });
  expect(existsSync(join(bare, '.hem'))).toBe(false);
  await rm(bare, { recursive: true });
});

test('with plans that are broken no key is made, but keys are listed and revoked', async () => {
  const broken = await writeConfiguration(FILES);
  const { id } = await hemJson(broken, ...create);
  await writeFile(join(broken, 'clients/plans.yml'), 'plans: { free: { clint: [web] } }\n');
  await writeFile(join(broken, 'connectors/things/schema.graphql'), 'type {');
  expect(await hem(broken, ...create)).toMatchObject({
    code: 2,
    output: expect.stringContaining('unknown-key'),
  });
  expect(await hemJson(broken, 'keys', 'revoke', id)).toEqual({ revoked: [id] });
  expect((await hemJson(broken, 'keys', 'list')).keys).toMatchObject([
    { id, plan: 'partner', state: 'revoked' },
  ]);
  await rm(broken, { recursive: true });
});

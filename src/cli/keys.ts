/** `hem keys`: makes, lists, rotates, revokes and imports keys. */
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { InvalidArgumentError, Option } from 'commander';
import { parseExpiry } from '../consumers/expiry-text.ts';
import type { RefusedHash } from '../consumers/imports.ts';
import type { KeyView } from '../consumers/key-view.ts';
import { DEFAULT_OVERLAP_MS, type MadeKey } from '../consumers/keys.ts';
import { IMPORT_ALGORITHMS } from '../consumers/ledger.ts';
import { unfit } from '../consumers/refusals.ts';
import type { Registry } from '../consumers/registry.ts';
import { HemError } from '../errors.ts';
import { parseDuration } from '../units.ts';
import type { RegistryProgram } from './registry-program.ts';
import type { Format } from './report.ts';
import { printTable, toMinute, toSecond } from './table.ts';

export function addKeys({ program, options, run, runWithPlans }: RegistryProgram): void {
  const keys = program.command('keys').description('make, list, rotate, revoke and import keys of consumers');

  const create = keys.command('create').description('make a key, and show it this once');
  for (const option of [...wishOptions(), ...options()]) create.addOption(option);
  create
    .option('--publishable', 'for web pages: no secret, and shown again by "list"')
    .addOption(
      new Option(
        '--origin <origin>',
        'for --publishable: where the web pages are from; several times for several',
      ).argParser(oneMore),
    )
    .action((given) =>
      runWithPlans(given, async (registry) => {
        if ((given.publishable === true) !== (given.origin !== undefined))
          throw unfit('--publishable and --origin come together.');
        await prepare(registry, given);
        printMade(
          await registry.keys.create({ ...toWish(given), origins: given.origin }, 'operator'),
          given.format,
        );
      }),
    );

  const list = keys.command('list').description('list keys, and when each was last used');
  for (const option of options()) list.addOption(option);
  list
    .option('--consumer <name>', 'only of this consumer')
    .option('--plan <name>', 'only of this plan')
    .action((given) =>
      run(given, async (registry) => printList(await registry.keys.list(given), given.format)),
    );

  const show = keys
    .command('show')
    .description('show all that is known of a key, as JSON')
    .argument('<id>', 'its public part');
  for (const option of options()) show.addOption(option);
  show.action((id: string, given) =>
    run(given, async (registry) => console.log(JSON.stringify(await registry.keys.show(id), null, 2))),
  );

  const rotate = keys
    .command('rotate')
    .description('make a key in the place of another, which counts on for a while')
    .argument('<id>', 'the public part of the key: what stands between the second and the third "_"');
  for (const option of options()) rotate.addOption(option);
  rotate
    .addOption(
      new Option('--overlap <duration>', 'how long the one before still counts')
        .argParser(parseOverlap)
        .default(DEFAULT_OVERLAP_MS, '10m'),
    )
    .option('--expires <when>', 'when the new one ends (default: it lives as long as the one before was to)')
    .action((id: string, given) =>
      run(given, async (registry) => {
        const wish = { overlapMs: given.overlap, expiresAt: parseExpiry(given.expires, Date.now()) };
        const made = await registry.keys.rotate(id, wish);
        const { expiresAt } = await registry.keys.show(id);
        printMade(made, given.format, { id, until: expiresAt });
      }),
    );

  const revoke = keys
    .command('revoke')
    .description('end keys at once, for good')
    .argument('<ids...>', 'their public parts');
  for (const option of options()) revoke.addOption(option);
  revoke.action((ids: readonly string[], given) =>
    run(given, async (registry) => {
      // Either all of them are there, or none ends.
      const missing: string[] = [];
      for (const id of ids)
        await registry.keys.show(id).catch((error: unknown) => missing.push(publicTextOf(error)));
      if (missing.length > 0) throw unfit([...missing, 'Nothing was revoked.'].join('\n'));
      const revoked: KeyView[] = [];
      for (const id of ids) revoked.push(await registry.keys.revoke(id));
      if (given.format === 'json') console.log(JSON.stringify({ revoked: revoked.map(({ id }) => id) }));
      else for (const { id, consumer } of revoked) console.log(`${id} of ${consumer} is revoked`);
    }),
  );

  const imported = keys
    .command('import')
    .description('take over keys of another system by their hashes: who has them presents them as before')
    .argument('<hashes...>', 'in hexadecimal; "-" reads them from standard input, one a line');
  for (const option of [...wishOptions(), ...options()]) imported.addOption(option);
  imported
    .addOption(
      new Option('--algorithm <name>', 'what they were hashed with')
        .choices(IMPORT_ALGORITHMS)
        .makeOptionMandatory(),
    )
    .option('--prefix <text>', 'what the keys begin with: other texts are not even hashed')
    .action((hashes: readonly string[], given) =>
      runWithPlans(given, async (registry) => {
        const { algorithm, prefix } = given;
        const wish = { ...toWish(given), algorithm, prefix };
        const all = await toHashes(hashes);
        const list = all.map(({ hash }) => hash);
        refuse(all, registry.imports.refused(wish, list));
        await prepare(registry, given);
        const views = await registry.imports.takeAll(wish, list, showProgress(list.length));
        if (given.format === 'json') console.log(JSON.stringify({ imported: views.map(({ id }) => id) }));
        else printList(views, 'text');
      }),
    );
}

/** What is said of every new key. */
function wishOptions(): readonly Option[] {
  return [
    new Option(
      '--consumer <name>',
      'whose it is; made when there is none of this name',
    ).makeOptionMandatory(),
    new Option('--plan <name>', 'by which usage plan').makeOptionMandatory(),
    new Option('--client <name>', 'only for this client of the plan; several times for several').argParser(
      oneMore,
    ),
    new Option('--expires <when>', 'when it ends: "90d", or a day such as 2027-01-31 (default: never)'),
    new Option('--label <text>', 'what it is for'),
    new Option('--test', 'hem_test_… instead of hem_live_…'),
  ];
}

interface GivenWish {
  readonly consumer: string;
  readonly plan: string;
  readonly client?: readonly string[];
  readonly expires?: string;
  readonly label?: string;
  readonly test?: boolean;
}

function toWish({ consumer, plan, client, expires, label, test }: GivenWish) {
  return {
    consumer,
    plan,
    label,
    clients: client,
    environment: test === true ? ('test' as const) : ('live' as const),
    expiresAt: parseExpiry(expires, Date.now()),
  };
}

/** An operator may make what is lacking; what was made is said on standard error. */
async function prepare({ plans, consumers, subscriptions }: Registry, given: GivenWish): Promise<void> {
  const { consumer, plan } = given;
  toWish(given);
  plans.known(plan);
  const known = subscriptions.current(consumer, plan)?.[1];
  const before = known?.state;
  const { planVersion: version = plans.known(plan).newest } = known ?? {};
  plans.checkClients(plan, version, given.client);
  if (before !== 'approved') plans.offered(plan);
  if (await consumers.ensure(consumer)) console.error(`made the consumer "${consumer}"`);
  if (before === 'approved') return;
  const { id, planVersion } = await subscriptions.ask(consumer, plan, 'operator');
  console.error(
    `${before === undefined ? 'made' : 'approved'} the subscription ${id} of "${consumer}" to version ${planVersion} of "${plan}"`,
  );
}

/** The one before, and when it ends. */
interface Replaced {
  readonly id: string;
  readonly until: string | null;
}

function printMade({ id, key, view }: MadeKey, format: Format, replaced?: Replaced): void {
  if (format === 'json') {
    const { consumer, plan, planVersion, expiresAt } = view;
    const before = replaced && { replaces: replaced.id, replacedEndsAt: replaced.until };
    console.log(JSON.stringify({ id, key, consumer, plan, planVersion, expiresAt, ...before }));
    return;
  }
  console.log(styleText('bold', key, { stream: process.stdout }));
  const end = view.expiresAt === null ? 'has no end' : `ends ${toMinute(view.expiresAt)} UTC`;
  const { consumer, plan, planVersion, kind } = view;
  console.error(`the key ${id} of "${consumer}", by version ${planVersion} of "${plan}", ${end}`);
  if (replaced !== undefined) console.error(`${replaced.id} counts until ${toSecond(replaced.until)} UTC`);
  if (kind === 'secret') console.error('It is kept nowhere: this is the only time that it is shown.');
}

function printList(keys: readonly KeyView[], format: Format): void {
  if (format === 'json') {
    console.log(JSON.stringify({ keys }, null, 2));
    return;
  }
  printTable(
    [
      'id',
      'consumer',
      'plan',
      'state',
      'kind',
      'clients',
      'created',
      'expires',
      'last used',
      'pepper',
      'label',
    ],
    keys.map((key) => [
      key.id,
      key.consumer,
      `${key.plan}@${key.planVersion}`,
      key.replacedBy === null ? key.state : `${key.state}, rotated`,
      key.environment === 'live' ? key.kind : `${key.kind}, test`,
      key.clients?.join(' ') ?? 'all',
      toMinute(key.createdAt),
      toMinute(key.expiresAt),
      toMinute(key.lastUsedAt),
      key.pepper,
      [key.label, key.key].filter((text) => text !== null && text !== undefined).join('  ') || null,
    ]),
    'no keys',
  );
}

/** @throws what is nobody's mistake */
function publicTextOf(error: unknown): string {
  if (error instanceof HemError) return error.publicText;
  throw error;
}

/** Of an option that may stand several times. */
function oneMore(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function parseOverlap(text: string): number {
  const overlap = parseDuration(text);
  if (overlap === undefined || overlap > 90 * 86_400_000)
    throw new InvalidArgumentError('An overlap is a duration such as "10m", at most 90 days; "0s" is none.');
  return overlap;
}

/** A hash, and where it was given. */
interface GivenHash {
  readonly hash: string;
  readonly place: string;
}

/** All of them are read before anything is made. */
async function toHashes(given: readonly string[]): Promise<readonly GivenHash[]> {
  if (given.length !== 1 || given[0] !== '-')
    return given.map((hash, index) => ({ hash, place: `hash ${index + 1}` }));
  const lines: GivenHash[] = [];
  let line = 0;
  for await (const text of createInterface({ input: process.stdin }))
    lines.push({ hash: text.trim(), place: `line ${++line}` });
  return lines.filter(({ hash }) => hash !== '');
}

/** What was given is not repeated: it may be a key by mistake. @throws {HemError} that names all that cannot be imported */
function refuse(all: readonly GivenHash[], refused: readonly RefusedHash[]): void {
  if (refused.length === 0) return;
  const places = refused.map(({ index, error }) => `  ${all[index]!.place}: ${error.publicText}`);
  throw unfit([`Nothing was imported: ${refused.length} of ${all.length} cannot be.`, ...places].join('\n'));
}

/** On a terminal only. */
function showProgress(total: number): (count: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return (count) => process.stderr.write(`\r${count} of ${total}${count === total ? '\n' : ''}`);
}

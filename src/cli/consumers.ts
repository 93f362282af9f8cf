/** `hem consumers`: who may have keys. */
import type { ConsumerView } from '../consumers/consumers.ts';
import type { RegistryProgram } from './registry-program.ts';
import { printTable, toMinute } from './table.ts';

export function addConsumers({ program, options, run }: RegistryProgram): void {
  const consumers = program.command('consumers').description('list, make and suspend consumers');

  const list = consumers.command('list').description('list them');
  for (const option of options()) list.addOption(option);
  list.action((given) =>
    run(given, async (registry) => {
      const all = registry.consumers.list();
      if (given.format === 'json') console.log(JSON.stringify({ consumers: all }, null, 2));
      else printConsumers(all);
    }),
  );

  const create = consumers
    .command('create')
    .description('make one, and show the token with which it manages its keys this once')
    .argument('<name>', 'lower-case letters, digits, ".", "_" and "-"')
    .option('--title <text>', 'what people call it');
  for (const option of options()) create.addOption(option);
  create.action((name: string, given) =>
    run(given, async (registry) => {
      const { token, ...consumer } = await registry.consumers.create(name, given.title);
      if (given.format === 'json') console.log(JSON.stringify({ ...consumer, token }));
      else printToken(name, token);
    }),
  );

  const token = consumers
    .command('token')
    .description('make a new token for one; the one before is none any more')
    .argument('<name>');
  for (const option of options()) token.addOption(option);
  token.action((name: string, given) =>
    run(given, async (registry) => {
      const renewed = await registry.consumers.renewToken(name);
      if (given.format === 'json') console.log(JSON.stringify(renewed));
      else printToken(name, renewed.token);
    }),
  );

  for (const [verb, suspended, description] of [
    ['suspend', true, 'none of its keys counts until it is resumed'],
    ['resume', false, 'its keys count again'],
  ] as const) {
    const command = consumers.command(verb).description(description).argument('<name>');
    for (const option of options()) command.addOption(option);
    command.action((name: string, given) =>
      run(given, async (registry) => {
        const consumer = await registry.consumers.setSuspended(name, suspended);
        if (given.format === 'json') console.log(JSON.stringify(consumer));
        else console.log(`${name} is ${suspended ? 'suspended' : 'not suspended'}`);
      }),
    );
  }
}

function printConsumers(all: readonly ConsumerView[]): void {
  printTable(
    ['name', 'title', 'created', 'suspended', 'pepper'],
    all.map(({ name, title, createdAt, suspendedAt, pepper }) => [
      name,
      title,
      toMinute(createdAt),
      toMinute(suspendedAt),
      pepper,
    ]),
    'no consumers',
  );
}

function printToken(name: string, token: string): void {
  console.log(token);
  console.error(
    `"${name}" manages its keys with this token. It is kept nowhere: this is the only time that it is shown.`,
  );
}

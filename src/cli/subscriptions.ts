/** `hem subscriptions`: which consumer may use which plan. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SubscriptionView } from '../consumers/subscriptions.ts';
import type { RegistryProgram } from './registry-program.ts';
import type { Format } from './report.ts';
import { printTable, toMinute } from './table.ts';

export function addSubscriptions({ program, options, run, runWithPlans }: RegistryProgram): void {
  const subscriptions = program
    .command('subscriptions')
    .description('list subscriptions of consumers to plans, and decide about them');

  const list = subscriptions.command('list').description('list them');
  for (const option of options()) list.addOption(option);
  list
    .option('--consumer <name>', 'only of this consumer')
    .option('--plan <name>', 'only to this plan')
    .addOption(
      new Option('--state <state>', 'only those').choices(['pending', 'approved', 'denied', 'cancelled']),
    )
    .action((given) =>
      run(given, async (registry) => {
        const all = registry.subscriptions.list(given);
        if (given.format === 'json') console.log(JSON.stringify({ subscriptions: all }, null, 2));
        else printSubscriptions(all);
      }),
    );

  const about = (name: string, description: string): Command => {
    const command = subscriptions.command(name).description(description).argument('<id>');
    for (const option of options()) command.addOption(option);
    return command;
  };
  about('approve', 'let its consumer make keys').action((id: string, given) =>
    runWithPlans(given, async ({ subscriptions: all }) =>
      printOne(await all.decide(id, 'approved'), given.format),
    ),
  );
  about('deny', 'do not let its consumer make keys')
    .option('--reason <text>', 'what the consumer reads')
    .action((id: string, given) =>
      run(given, async ({ subscriptions: all }) =>
        printOne(await all.decide(id, 'denied', { reason: given.reason }), given.format),
      ),
    );
  about('cancel', 'end it, and with it all its keys')
    .option('--reason <text>', 'what the consumer reads')
    .action((id: string, given) =>
      run(given, async ({ subscriptions: all }) =>
        printOne(await all.decide(id, 'cancelled', { reason: given.reason }), given.format),
      ),
    );
  about('move', 'to another version of its plan, with all its keys')
    .option('--to <version>', 'which version (default: the newest)', parseVersion)
    .action((id: string, given) =>
      runWithPlans(given, async ({ subscriptions: all }) =>
        printOne(await all.move(id, given.to), given.format),
      ),
    );
}

function printOne(subscription: SubscriptionView, format: Format): void {
  if (format === 'json') {
    console.log(JSON.stringify(subscription));
    return;
  }
  const { id, consumer, plan, planVersion, state } = subscription;
  console.log(`${id} of "${consumer}" to version ${planVersion} of "${plan}" is ${state}`);
}

function printSubscriptions(all: readonly SubscriptionView[]): void {
  printTable(
    ['id', 'consumer', 'plan', 'version', 'state', 'asked for', 'decided', 'reason'],
    all.map((one) => [
      one.id,
      one.consumer,
      one.plan,
      one.planVersion === one.newestVersion
        ? String(one.planVersion)
        : `${one.planVersion} of ${one.newestVersion}`,
      one.state,
      toMinute(one.createdAt),
      toMinute(one.decidedAt),
      one.reason,
    ]),
    'no subscriptions',
  );
}

function parseVersion(text: string): number {
  const version = Number(text);
  if (!Number.isInteger(version) || version < 1)
    throw new InvalidArgumentError('A version is a whole number from 1 on.');
  return version;
}

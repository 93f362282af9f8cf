/** `hem plans`: which plans there are, and in which versions. */
import { styleText } from 'node:util';
import { stringify } from 'yaml';
import type { LimitSettings } from '../load/limit-settings.ts';
import { formatDuration } from '../units.ts';
import type { RegistryProgram } from './registry-program.ts';
import { printTable, toMinute } from './table.ts';

/** With durations as they stand in clients/plans.yml. */
function asWritten({ per, delay, ...limit }: LimitSettings) {
  return {
    ...limit,
    ...(per === undefined ? {} : { per: typeof per === 'number' ? formatDuration(per) : per }),
    ...(delay === undefined ? {} : { delay: formatDuration(delay) }),
  };
}

export function addPlans({ program, options, runWithPlans }: RegistryProgram): void {
  const plans = program.command('plans').description('show usage plans and their versions');

  const list = plans.command('list').description('list them');
  for (const option of options()) list.addOption(option);
  list.action((given) =>
    runWithPlans(given, async (registry) => {
      const all = registry.plans.list();
      if (given.format === 'json') {
        console.log(JSON.stringify({ plans: all }, null, 2));
        return;
      }
      printTable(
        ['name', 'version', 'approval', 'clients', 'subscriptions', 'retired'],
        all.map(({ name, newest, approval, clients, versions, retiredAt }) => [
          name,
          String(newest),
          approval,
          clients.join(' '),
          versions
            .filter(({ subscriptions }) => subscriptions > 0)
            .map(({ version, subscriptions }) => `${subscriptions} on ${version}`)
            .join(', ') || null,
          toMinute(retiredAt),
        ]),
        'no plans',
      );
    }),
  );

  const show = plans
    .command('show')
    .description('show what a version of a plan says')
    .argument('<name>', 'name of the plan; "partner@2" names a version, otherwise it is the newest');
  for (const option of options()) show.addOption(option);
  show.action((wanted: string, given) =>
    runWithPlans(given, async (registry) => {
      const { plan, version, content } = registry.plans.find(wanted);
      if (given.format === 'json') {
        console.log(JSON.stringify({ ...plan, version, content }, null, 2));
        return;
      }
      const { createdAt, subscriptions } = plan.versions[version - 1]!;
      const state = plan.retiredAt === null ? '' : `, retired ${toMinute(plan.retiredAt)}`;
      const head = `${plan.name}, version ${version} of ${plan.newest}`;
      console.log(
        `${styleText('bold', head, { stream: process.stdout })}, since ${toMinute(createdAt)} UTC${state}; approved subscriptions: ${subscriptions}`,
      );
      console.log(stringify({ ...content, limits: content.limits.map(asWritten) }).trimEnd());
    }),
  );
}

/** `hem plans`: which plans there are, and in which versions. */
import { styleText } from 'node:util';
import { stringify } from 'yaml';
import type { PlanChange } from '../consumers/plan-versions.ts';
import { type PlanSettings, planAsWritten } from '../load/settings/plan-settings.ts';
import type { RegistryProgram } from './registry-program.ts';
import type { Format } from './report.ts';
import { printTable, toMinute } from './table.ts';

export function addPlans({ program, options, runWithFile }: RegistryProgram): void {
  const plans = program.command('plans').description('show usage plans and their versions');

  const list = plans.command('list').description('list them');
  for (const option of options()) list.addOption(option);
  list.action((given) =>
    runWithFile(given, async (registry, file) => {
      const all = registry.plans.list();
      const pending = registry.plans.pending(file);
      if (given.format === 'json') {
        console.log(JSON.stringify({ plans: all, pending }, null, 2));
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
      for (const change of pending) console.error(describe(change));
      if (pending.length > 0) console.error(`${WHEN_MADE}.`);
    }),
  );

  const show = plans
    .command('show')
    .description('show what a version of a plan says')
    .argument('<name>', 'name of the plan; "partner@2" names a version, otherwise it is the newest');
  for (const option of options()) show.addOption(option);
  show.action((wanted: string, given) =>
    runWithFile(given, async (registry, file) => {
      const pending = registry.plans.pending(file).filter(({ what }) => what === 'made');
      const unmade = pending.find(
        ({ plan, version }) => wanted === `${plan}@${version}` || (wanted === plan && version === 1),
      );
      if (unmade !== undefined) {
        printUnmade(unmade, file.get(unmade.plan)!, given.format);
        return;
      }
      const { plan, version, content } = registry.plans.find(wanted);
      if (given.format === 'json') {
        console.log(
          JSON.stringify({ ...plan, version, pending: false, content: planAsWritten(content) }, null, 2),
        );
        return;
      }
      const { createdAt, subscriptions } = plan.versions[version - 1]!;
      const state = plan.retiredAt === null ? '' : `, retired ${toMinute(plan.retiredAt)}`;
      const head = `${plan.name}, version ${version} of ${plan.newest}`;
      console.log(
        `${styleText('bold', head, { stream: process.stdout })}, since ${toMinute(createdAt)} UTC${state}; approved subscriptions: ${subscriptions}`,
      );
      printContent(content);
      for (const change of pending.filter((each) => each.plan === plan.name)) console.error(describe(change));
    }),
  );
}

const WHEN_MADE =
  'Versions are made at the start of a gateway, and by commands that depend on what plans say';

function describe({ plan, version, what }: PlanChange): string {
  switch (what) {
    case 'made':
      return `${plan}@${version} is in clients/plans.yml, and not made yet`;
    case 'retired':
      return `"${plan}" is not in clients/plans.yml any more, and not retired yet`;
    case 'back':
      return `"${plan}" is in clients/plans.yml again, and not offered yet`;
  }
}

function printUnmade({ plan, version }: PlanChange, content: PlanSettings, format: Format): void {
  if (format === 'json') {
    console.log(
      JSON.stringify({ name: plan, version, pending: true, content: planAsWritten(content) }, null, 2),
    );
    return;
  }
  const head = styleText('bold', `${plan}, version ${version}`, { stream: process.stdout });
  console.log(`${head}, not made yet: as clients/plans.yml has it`);
  printContent(content);
}

function printContent(content: PlanSettings): void {
  console.log(stringify(planAsWritten(content)).trimEnd());
}

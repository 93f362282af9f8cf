/** Loads `clients/plans.yml`, and checks what can be said of plans without the clients' schemas. */
import { didYouMean, type Problem, type Problems } from '../problems.ts';
import type { Client } from './client.ts';
import { SCOPE } from './directives/auth-rule.ts';
import type { Environment } from './environment.ts';
import { type PlanSettings, plansSettings } from './settings/plan-settings.ts';
import { checkShape } from './shape.ts';
import type { SourceDirectory } from './source-directory.ts';
import { readYaml, type YamlFile } from './yaml.ts';

/** The file that was read, for what is checked later. */
export interface LoadedPlans {
  readonly yaml: YamlFile;
  readonly plans: ReadonlyMap<string, PlanSettings>;
}

const FILE = 'clients/plans.yml';

/** Undefined without such a file; 'broken' after reporting problems. */
export async function loadPlans(
  directory: SourceDirectory,
  environment: Environment,
  problems: Problems,
): Promise<LoadedPlans | 'broken' | undefined> {
  const yaml = await readYaml(directory, FILE, environment, problems);
  if (yaml === null) return undefined;
  const settings = yaml && checkShape(yaml, plansSettings, problems);
  return settings === undefined || yaml === undefined
    ? 'broken'
    : { yaml, plans: new Map(Object.entries(settings.plans)) };
}

type Report = (path: readonly (string | number)[], problem: Omit<Problem, 'at'>) => void;

/** @param clientNames of all clients, also of those that could not be loaded */
export function checkPlans(
  { yaml, plans }: LoadedPlans,
  { clients, clientNames }: { readonly clients: readonly Client[]; readonly clientNames: readonly string[] },
  problems: Problems,
): void {
  for (const [name, plan] of plans) {
    const report: Report = (path, problem) =>
      problems.report({ at: yaml.placeOf(['plans', name, ...path]), ...problem });
    checkClients(plan, clientNames, report);
    checkScopes(plan, report);
    checkReach(name, plan, clients, report);
    checkClaims(plan, clients, report);
  }
}

function checkClients(plan: PlanSettings, clientNames: readonly string[], report: Report): void {
  for (const [index, client] of plan.clients.entries()) {
    const twice = plan.clients.indexOf(client) !== index;
    if (clientNames.includes(client) && !twice) continue;
    report(['clients', index], {
      rule: 'plan-client',
      message: twice ? `The client "${client}" stands here twice.` : `There is no client "${client}".`,
      found: client,
      expected: twice ? undefined : `one of ${clientNames.join(', ')}`,
      hint: twice ? 'remove one' : didYouMean(client, clientNames),
    });
  }
}

function checkScopes(plan: PlanSettings, report: Report): void {
  for (const [index, scope] of plan.scopes.entries()) {
    if (SCOPE.test(scope)) continue;
    report(['scopes', index], {
      rule: 'auth-scopes',
      message: 'This is not a scope.',
      found: JSON.stringify(scope.slice(0, 64)),
      expected: 'visible characters without spaces, quotes and backslashes',
      hint: scope.includes(' ') ? 'each scope is an entry of its own' : undefined,
    });
  }
}

/** Whether anybody who calls its clients can be under it. */
function checkReach(name: string, plan: PlanSettings, clients: readonly Client[], report: Report): void {
  for (const { name: client, auth } of clients) {
    const index = plan.clients.indexOf(client);
    if (index === -1 || auth?.keys !== undefined || auth?.plan?.name === name) continue;
    report(['clients', index], {
      rule: 'plan-keys',
      message: `The client "${client}" takes no keys: whoever calls it is never under this plan.`,
      found: client,
      expected: `"auth: { keys: {} }" in clients/${client}/client.yml, or "plan: ${name}" there for callers without a key`,
      hint: 'or remove it here',
    });
  }
}

/** Whether there can be a claim for limits that go by one. */
function checkClaims(plan: PlanSettings, clients: readonly Client[], report: Report): void {
  const granted = clients.filter((client) => plan.clients.includes(client.name));
  // Of a client that could not be loaded nobody knows.
  if (granted.length < plan.clients.length || granted.some(({ auth }) => auth?.jwt !== undefined)) return;
  for (const [index, { by, claim }] of plan.limits.entries()) {
    if (by !== 'claim' || claim === undefined) continue;
    report(['limits', index, 'by'], {
      rule: 'limit-claim',
      message:
        'Nobody could meet this limit: none of the clients of the plan takes tokens, so there is no claim.',
      found: `"by: claim" for ${plan.clients.join(', ')}`,
      expected: 'consumer, key, ip or client',
    });
  }
}

/** Whether there are plans for the keys that clients take, and the one that holds for callers without a key. */
export function checkPlansOfClients(
  clients: readonly Client[],
  plans: ReadonlyMap<string, PlanSettings>,
  problems: Problems,
): void {
  for (const { name, auth } of clients) {
    if (auth?.keys !== undefined && ![...plans.values()].some((plan) => plan.clients.includes(name)))
      problems.report({
        rule: 'plan-missing',
        at: auth.keys.place,
        message: 'This client takes keys, and no plan grants it: nobody could have one.',
        expected: `"${name}" among the clients of a plan in ${FILE}`,
        hint: auth.keys.required ? undefined : 'or remove "keys"',
      });
    if (auth?.plan === undefined) continue;
    const plan = plans.get(auth.plan.name);
    if (plan?.clients.includes(name)) continue;
    problems.report({
      rule: 'plan-unknown',
      at: auth.plan.place,
      message:
        plan === undefined
          ? `There is no plan "${auth.plan.name}".`
          : `The plan "${auth.plan.name}" does not grant this client, so callers without a key could see nothing.`,
      found: auth.plan.name,
      expected:
        plan === undefined
          ? plans.size === 0
            ? `a plan in ${FILE}`
            : `one of ${[...plans.keys()].join(', ')}`
          : `"${name}" among its clients in ${FILE}`,
      hint: plan === undefined ? didYouMean(auth.plan.name, plans.keys()) : undefined,
    });
  }
}

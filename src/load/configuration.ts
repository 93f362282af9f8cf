/** Loads a whole configuration directory. Nothing of it is opened or started; everything wrong with it is reported. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { didYouMean, type Problems } from '../problems.ts';
import { checkArrival } from './checks/certificates.ts';
import { checkForwarding } from './checks/forwarding.ts';
import { checkKeyHeaders } from './checks/key-headers.ts';
import { checkListener } from './checks/listener.ts';
import { reportMisnamedFiles } from './checks/misnamed-files.ts';
import { type LoadedClient, loadClient } from './client.ts';
import { loadConnector } from './connector/connector.ts';
import type { Environment } from './environment.ts';
import type { Connector } from './model.ts';
import { checkPlans, checkPlansOfClients, type LoadedPlans, loadPlans } from './plans.ts';
import { checkPeppers } from './settings/pepper-settings.ts';
import { type HemSettings, hemSettings } from './settings/settings.ts';
import { checkShape } from './shape.ts';
import { SourceDirectory } from './source-directory.ts';
import { readYaml } from './yaml.ts';

export interface Configuration {
  readonly directory: SourceDirectory;
  readonly settings: HemSettings;
  readonly connectors: readonly Connector[];
  readonly clients: readonly LoadedClient[];
  /** Usage plans as `clients/plans.yml` says them now; undefined without that file. */
  readonly plans: LoadedPlans | undefined;
  /** Whether every connector and client could be read: otherwise what depends on all of them cannot be judged. */
  readonly complete: boolean;
}

/** Names that a client cannot have because the public listener needs them. */
const RESERVED_CLIENTS = new Set(['hem', 'graphql', 'api', 'livez', 'readyz', 'metrics']);

export async function loadConfiguration(
  root: string,
  environment: Environment,
  problems: Problems,
): Promise<Configuration> {
  const directory = new SourceDirectory(root);
  const found = await stat(directory.root).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    problems.report({
      rule: 'missing-directory',
      at: { file: root, line: 1, column: 1 },
      message:
        found === undefined
          ? 'There is no configuration directory here.'
          : 'This is a file; a configuration is a directory.',
      hint:
        found === undefined
          ? 'name it with --config <dir>'
          : `name the directory that it is in: --config ${dirname(root)}`,
    });
  }
  const [settings, loadedPlans, connectorNames, schemaFiles, clientNames] = await Promise.all([
    loadSettings(directory, environment, problems),
    loadPlans(directory, environment, problems),
    directory.folders('connectors'),
    directory.files('schemas', '.graphql'),
    directory.folders('clients'),
  ]);
  if (found?.isDirectory() === true && connectorNames.length === 0) {
    problems.report({
      rule: 'no-connectors',
      at: { file: 'connectors', line: 1, column: 1 },
      message: 'There is no connector.',
      expected: 'a folder connectors/<name>/ with connector.yml and schema.graphql',
    });
  }
  const names = [
    ...new Set([...clientNames, ...schemaFiles.map((file) => file.replace(/\.graphql$/, ''))]),
  ].sort();
  for (const name of schemaFiles.map((file) => file.replace(/\.graphql$/, ''))) {
    if (clientNames.includes(name)) continue;
    problems.report({
      rule: 'schema-without-client',
      at: { file: `schemas/${name}.graphql`, line: 1, column: 1 },
      message: `There is no client "${name}".`,
      expected: `clients/${name}/client.yml`,
      hint: didYouMean(name, clientNames),
    });
  }
  for (const name of clientNames) {
    if (RESERVED_CLIENTS.has(name))
      problems.report({
        rule: 'client-name',
        at: { file: `clients/${name}`, line: 1, column: 1 },
        message: `A client cannot be called "${name}": the address is taken.`,
      });
  }
  await reportMisnamedFiles(directory, { clients: clientNames, connectors: connectorNames }, problems);
  const [connectors, loadedClients] = await Promise.all([
    Promise.all(connectorNames.map((name) => loadConnector(directory, name, environment, problems))),
    Promise.all(
      names
        .filter((name) => clientNames.includes(name))
        .map((name) => loadClient(directory, name, environment, problems)),
    ),
  ]);
  const clients = loadedClients.filter((client) => client !== undefined);
  const plans = loadedPlans === 'broken' ? undefined : loadedPlans;
  if (plans !== undefined) checkPlans(plans, { clients, clientNames }, problems);
  // Of a file that cannot be read nobody knows which plans it has.
  if (loadedPlans !== 'broken') checkPlansOfClients(clients, plans?.plans ?? new Map(), problems);
  const usable = connectors.filter((connector) => connector !== undefined);
  checkKeyHeaders(clients, usable, problems);
  if (settings !== undefined) {
    checkArrival(settings, clients, problems);
    checkForwarding(settings, usable, problems);
  }
  return {
    directory,
    settings: settings ?? hemSettings.parse({}),
    connectors: usable,
    clients,
    plans,
    complete: !connectors.includes(undefined),
  };
}

/** hem.yml; undefined without one, and after reporting problems. */
export async function loadSettings(
  directory: SourceDirectory,
  environment: Environment,
  problems: Problems,
): Promise<HemSettings | undefined> {
  const yaml = await readYaml(directory, 'hem.yml', environment, problems);
  const settings = yaml ? checkShape(yaml, hemSettings, problems) : undefined;
  if (yaml && settings !== undefined) {
    const keysAreUsed = (await directory.files('clients', 'plans.yml')).length > 0;
    checkPeppers(yaml, settings, { problems, keysAreUsed });
    checkListener(yaml, settings, problems);
  }
  return settings;
}

/** What commands about keys work on: the store that hem.yml names, whether a gateway runs on it or not. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pino } from 'pino';
import { openRegistry, type Registry } from '../consumers/registry.ts';
import { HemError } from '../errors.ts';
import { loadSettings } from '../load/configuration.ts';
import type { Environment } from '../load/environment.ts';
import { loadPlans } from '../load/plans.ts';
import type { PlanSettings } from '../load/settings/plan-settings.ts';
import { type HemSettings, hemSettings } from '../load/settings/settings.ts';
import { SourceDirectory } from '../load/source-directory.ts';
import { Problems } from '../problems.ts';
import { openStore } from '../store/open.ts';

export interface RegistryCommand {
  readonly directory: string;
  readonly environment: Environment;
  /** What is done about clients/plans.yml first: the versions that it asks for are made. What does not need the file can be done while it is broken. */
  readonly plans: 'ignored' | 'read' | 'made';
}

/** What clients/plans.yml says; nothing where it is ignored. */
export type PlansInFile = ReadonlyMap<string, PlanSettings>;

/**
 * Reads nothing of the configuration that it does not need: keys can be revoked while a connector is broken, and be made where plans are as before.
 * @throws {ConfigurationError}; {HemError} when the store cannot be reached
 */
export async function withRegistry(
  { directory, environment, plans }: RegistryCommand,
  work: (registry: Registry, file: PlansInFile) => Promise<void>,
): Promise<void> {
  const problems = new Problems();
  const source = new SourceDirectory(directory);
  const settings = (await loadSettings(source, environment, problems)) ?? hemSettings.parse({});
  const file = plans === 'ignored' ? undefined : await readPlans(source, environment, problems);
  problems.throwIfAny();
  if (file === undefined && (plans !== 'ignored' || !(await hasPlansOrStore(source, settings))))
    throw new HemError('NOT_FOUND', {
      publicText: `there are no plans to have keys for: ${source.root} has no clients/plans.yml`,
    });
  const log = pino({ level: 'silent' });
  await using store = await openStore(settings.store, source.root, log);
  const { isComplete, isFollowed } = await store.records();
  if (!isComplete)
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `the store that hem.yml names (${settings.store.kind}) cannot be reached`,
    });
  if (!isFollowed)
    console.error(
      'hem: The store does not answer. What is told is what a gateway here knew last, and may be out of date.',
    );
  await using registry = await openRegistry({
    store,
    settings: settings.keys,
    root: source.root,
    log,
  });
  if (plans === 'made' && file !== undefined && registry.plans.pending(file).length > 0)
    await makeVersions(registry, source.root, environment);
  await work(registry, file ?? new Map());
}

/** A version never changes any more: what `hem check` would refuse makes none. @throws {ConfigurationError} */
async function makeVersions(registry: Registry, root: string, environment: Environment): Promise<void> {
  // Half of what the command takes, and seldom needed.
  const { loadGeneration } = await import('../generation.ts');
  const { ViewMeanings } = await import('../views/plan-meanings.ts');
  const { configuration, views } = await loadGeneration(root, environment);
  if (configuration.plans !== undefined)
    await registry.plans.sync(configuration.plans.plans, new ViewMeanings(views));
}

async function readPlans(
  source: SourceDirectory,
  environment: Environment,
  problems: Problems,
): Promise<PlansInFile | undefined> {
  const loaded = await loadPlans(source, environment, problems);
  return loaded === undefined || loaded === 'broken' ? undefined : loaded.plans;
}

/** In a directory that was named by mistake no store is made. */
async function hasPlansOrStore(source: SourceDirectory, { store }: HemSettings): Promise<boolean> {
  if (store.kind !== 'embedded' || (await source.files('clients', 'plans.yml')).length > 0) return true;
  return existsSync(isAbsolute(store.file) ? store.file : join(source.root, store.file));
}

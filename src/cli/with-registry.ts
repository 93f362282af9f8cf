/** What commands about keys work on: the store that hem.yml names, whether a gateway runs on it or not. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pino } from 'pino';
import { openRegistry, type Registry } from '../consumers/registry.ts';
import { HemError } from '../errors.ts';
import { loadSettings } from '../load/configuration.ts';
import type { Environment } from '../load/environment.ts';
import type { PlanSettings } from '../load/plan-settings.ts';
import { loadPlans } from '../load/plans.ts';
import { type HemSettings, hemSettings } from '../load/settings.ts';
import { SourceDirectory } from '../load/source-directory.ts';
import { Problems } from '../problems.ts';
import { openStore } from '../store/open.ts';

export interface RegistryCommand {
  readonly directory: string;
  readonly environment: Environment;
  /** Whether clients/plans.yml is compared with the store first. What does not need that can be done while the file is broken. */
  readonly comparesPlans: boolean;
}

/**
 * Reads nothing of the configuration that it does not need: keys can be revoked while a connector is broken.
 * @throws {ConfigurationError}; {HemError} when the store cannot be reached
 */
export async function withRegistry(
  { directory, environment, comparesPlans }: RegistryCommand,
  work: (registry: Registry) => Promise<void>,
): Promise<void> {
  const problems = new Problems();
  const source = new SourceDirectory(directory);
  const settings = (await loadSettings(source, environment, problems)) ?? hemSettings.parse({});
  const plans = comparesPlans ? await readPlans(source, environment, problems) : undefined;
  problems.throwIfAny();
  if (plans === undefined && (comparesPlans || !(await hasPlansOrStore(source, settings))))
    throw new HemError('NOT_FOUND', {
      publicText: `there are no plans to have keys for: ${source.root} has no clients/plans.yml`,
    });
  const log = pino({ level: 'silent' });
  await using store = await openStore(settings.store, source.root, log);
  if (!(await store.records()).isComplete)
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `the store that hem.yml names (${settings.store.kind}) cannot be reached`,
    });
  await using registry = await openRegistry({
    store,
    settings: settings.keys,
    root: source.root,
    plans,
    log,
  });
  await work(registry);
}

async function readPlans(
  source: SourceDirectory,
  environment: Environment,
  problems: Problems,
): Promise<ReadonlyMap<string, PlanSettings> | undefined> {
  const loaded = await loadPlans(source, environment, problems);
  return loaded === undefined || loaded === 'broken' ? undefined : loaded.plans;
}

/** In a directory that was named by mistake no store is made. */
async function hasPlansOrStore(source: SourceDirectory, { store }: HemSettings): Promise<boolean> {
  if (store.kind !== 'embedded' || (await source.files('clients', 'plans.yml')).length > 0) return true;
  return existsSync(isAbsolute(store.file) ? store.file : join(source.root, store.file));
}

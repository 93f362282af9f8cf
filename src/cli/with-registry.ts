/** What commands about keys work on: the store that hem.yml names, whether a gateway runs on it or not. */
import { pino } from 'pino';
import { openRegistry, type Registry } from '../consumers/registry.ts';
import { HemError } from '../errors.ts';
import { loadSettings } from '../load/configuration.ts';
import type { Environment } from '../load/environment.ts';
import { loadPlans } from '../load/plans.ts';
import { hemSettings } from '../load/settings.ts';
import { SourceDirectory } from '../load/source-directory.ts';
import { Problems } from '../problems.ts';
import { openStore } from '../store/open.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';

export interface RegistryCommand {
  readonly directory: string;
  readonly environment: Environment;
}

/**
 * Reads hem.yml and clients/plans.yml and nothing else: keys can be revoked while a connector is broken.
 * @throws {ConfigurationError}; {HemError} when the store cannot be reached
 */
export async function withRegistry(
  { directory, environment }: RegistryCommand,
  work: (registry: Registry) => Promise<void>,
): Promise<number> {
  const problems = new Problems();
  const source = new SourceDirectory(directory);
  const [loaded, plans] = await Promise.all([
    loadSettings(source, environment, problems),
    loadPlans(source, environment, problems),
  ]);
  problems.throwIfAny();
  if (plans === undefined || plans === 'broken') {
    console.error(`hem: there are no plans to have keys for: ${source.root} has no clients/plans.yml`);
    return EXIT_UNUSABLE;
  }
  const settings = loaded ?? hemSettings.parse({});
  const log = pino({ level: 'silent' });
  await using store = await openStore(settings.store, source.root, log);
  if (!(await store.records()).isComplete)
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `The store that hem.yml names (${settings.store.kind}) cannot be reached.`,
    });
  const opened = { store, settings: settings.keys, root: source.root, plans: plans.plans, log };
  await using registry = await openRegistry(opened);
  await work(registry);
  return 0;
}

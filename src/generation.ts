/** One immutable loaded configuration: connectors composed, views checked. Nothing is opened by it. */
import { type ComposedGraph, compose } from './graph/compose.ts';
import { type Configuration, loadConfiguration } from './load/configuration.ts';
import type { Environment } from './load/environment.ts';
import { checkOperations } from './operation/own-operations.ts';
import { Problems } from './problems.ts';
import { buildView } from './views/build.ts';
import { checkGrants } from './views/check-plans.ts';
import type { View } from './views/view.ts';

export interface Generation {
  readonly configuration: Omit<Configuration, 'clients'>;
  readonly graph: ComposedGraph;
  readonly views: readonly View[];
}

/** Loads → composes → checks views. @throws {ConfigurationError} with every problem of all phases */
export async function loadGeneration(root: string, environment: Environment): Promise<Generation> {
  const problems = new Problems();
  const configuration = await loadConfiguration(root, environment, problems);
  // Without all connectors, whatever depends on a missing one would be reported as unknown.
  const graph =
    configuration.complete && configuration.connectors.length > 0
      ? compose(configuration.connectors, problems)
      : undefined;
  const plans = configuration.plans?.plans;
  const views =
    graph === undefined
      ? []
      : configuration.clients.map((client) => buildView(client, { graph, plans }, problems));
  if (configuration.plans !== undefined) checkGrants(configuration.plans, views, problems);
  for (const view of views) if (view !== undefined) checkOperations(view, problems);
  problems.throwIfAny();
  // The clients are in their views, without the documents that those were built from.
  const { clients: _clients, ...rest } = configuration;
  return { configuration: rest, graph: graph!, views: views.filter((view) => view !== undefined) };
}

/** How commands about consumers and keys are added to the command line. */
import { type Command, Option } from 'commander';
import type { Registry } from '../consumers/registry.ts';
import type { Format } from './report.ts';
import type { PlansInFile } from './with-registry.ts';

export interface GivenOptions {
  readonly config: string;
  readonly format: Format;
}

export type RunOnRegistry = (
  given: GivenOptions,
  work: (registry: Registry, file: PlansInFile) => Promise<void>,
) => Promise<void>;

export interface RegistryProgram {
  readonly program: Command;
  /** What all of them take. */
  readonly options: () => readonly Option[];
  readonly run: RunOnRegistry;
  /** With what clients/plans.yml says; of that nothing is made. */
  readonly runWithFile: RunOnRegistry;
  /** After the versions were made that clients/plans.yml asks for: for what depends on what plans say. */
  readonly runWithPlans: RunOnRegistry;
}

export function commonOptions(): readonly Option[] {
  return [
    new Option('--config <dir>', 'the configuration directory').default('.'),
    new Option('--format <format>', 'how to report').choices(['text', 'json']).default('text'),
  ];
}

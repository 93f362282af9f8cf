/** How commands about consumers and keys are added to the command line. */
import { type Command, Option } from 'commander';
import type { Registry } from '../consumers/registry.ts';
import type { Format } from './report.ts';

export interface GivenOptions {
  readonly config: string;
  readonly format: Format;
}

export type RunOnRegistry = (
  given: GivenOptions,
  work: (registry: Registry) => Promise<void>,
) => Promise<void>;

export interface RegistryProgram {
  readonly program: Command;
  /** What all of them take. */
  readonly options: () => readonly Option[];
  readonly run: RunOnRegistry;
  /** After clients/plans.yml was compared with the store: for what depends on what plans say. */
  readonly runWithPlans: RunOnRegistry;
}

export function commonOptions(): readonly Option[] {
  return [
    new Option('--config <dir>', 'the configuration directory').default('.'),
    new Option('--format <format>', 'how to report').choices(['text', 'json']).default('text'),
  ];
}

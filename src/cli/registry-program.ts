/** How commands about consumers and keys are added to the command line. */
import { type Command, Option } from 'commander';
import type { Registry } from '../consumers/registry.ts';
import type { Format } from './report.ts';

export interface GivenOptions {
  readonly config: string;
  readonly format: Format;
}

export interface RegistryProgram {
  readonly program: Command;
  /** What all of them take. */
  readonly options: () => readonly Option[];
  readonly run: (given: GivenOptions, work: (registry: Registry) => Promise<void>) => Promise<void>;
}

export function commonOptions(): readonly Option[] {
  return [
    new Option('--config <dir>', 'the configuration directory').default('.'),
    new Option('--format <format>', 'how to report').choices(['text', 'json']).default('text'),
  ];
}

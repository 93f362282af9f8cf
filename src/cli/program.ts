/** The command line: which commands there are and what they take. Each is a file beside this one, read when it is asked for: all of them take half a second. */
import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { HemError } from '../errors.ts';
import type { Environment } from '../load/environment.ts';
import { ConfigurationError } from '../problems.ts';
import { addConsumers } from './consumers.ts';
import { EXIT_UNUSABLE } from './exit-codes.ts';
import { addKeys } from './keys.ts';
import { addPlans } from './plans.ts';
import { commonOptions, type RegistryProgram, type RunOnRegistry } from './registry-program.ts';
import { reportProblems } from './report.ts';
import { FILES_WITH_SCHEMA } from './schema-files.ts';
import { addSubscriptions } from './subscriptions.ts';
import type { RegistryCommand } from './with-registry.ts';

const manifest = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** @returns the exit code; a command that serves resolves once it has stopped */
export async function runCommandLine(args: readonly string[], environment: Environment): Promise<number> {
  let code = 0;
  const program = new Command('hem')
    .description(
      'One GraphQL endpoint per client over REST, gRPC, SOAP, websocket, AMQP and GraphQL backends.',
    )
    .version(manifest.version, '--version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError();

  program
    .command('start')
    .description('serve a configuration directory')
    .addOption(configOption())
    .option('--port <number>', 'port of the public listener instead of the one in hem.yml', parsePort)
    .option('--admin-port <number>', 'port of the admin listener instead of the one in hem.yml', parsePort)
    .action(async ({ config, port, adminPort }) => {
      const { start } = await import('./start.ts');
      code = await start({ directory: config, environment, port, adminPort });
    });
  program
    .command('demo')
    .description('serve the bike-share with its backends in one process; needs no service')
    .option('--port <number>', 'port of the public listener', parsePort)
    .option('--admin-port <number>', 'port of the admin listener', parsePort)
    .action(async ({ port, adminPort }) => {
      const { demo } = await import('./demo.ts');
      code = await demo({ environment, port, adminPort });
    });
  program
    .command('check')
    .description('load a configuration directory and report everything wrong with it; starts nothing')
    .addOption(configOption())
    .addOption(new Option('--format <format>', 'how to report').choices(['text', 'json']).default('text'))
    .action(async ({ config, format }) => {
      const { check } = await import('./check.ts');
      code = await check({ directory: config, environment, format });
    });
  program
    .command('explain')
    .description(
      'show how an operation is executed: which backend calls, batched how, waiting for what, and why',
    )
    .argument('<client>', 'whose operation')
    .argument(
      '[operation]',
      "name of one of the client's operations or of its file, the path of any file, or - for standard input; without it all of the client's are listed",
    )
    .addOption(configOption())
    .option('--name <operation>', 'which operation of a document that has several')
    .option('--list-length <number>', 'how long to take every list to be (default: 10)', parseListLength)
    .addOption(new Option('--format <format>', 'how to report').choices(['text', 'json']).default('text'))
    .action(async (client: string, operation: string | undefined, { config, ...options }) => {
      const { explain } = await import('./explain.ts');
      code = await explain({ directory: config, environment, client, operation, ...options });
    });
  program
    .command('usage')
    .description('show who used which field how often, and which fields nobody used')
    .addOption(configOption())
    .option('--consumer <name>', 'only of this consumer; - are callers without a key')
    .option('--client <name>', 'only of this client')
    .option('--field <Type.field>', 'only of this field')
    .option('--since <when>', 'how long ago, such as 7d, or a date', '7d')
    .option('--until <when>', 'the same (default: now)')
    .option('--unused', "fields of the clients' schemas that nobody used", false)
    .addOption(
      new Option('--format <format>', 'how to report')
        .choices(['text', 'json', 'cloudevents'])
        .default('text'),
    )
    .action(async ({ config, ...options }) => {
      const { usage } = await import('./usage.ts');
      code = await usage({ directory: config, environment, ...options });
    });
  program
    .command('json-schema')
    .description('print the JSON Schema of a YAML file, for completion in editors')
    .argument('<file>', `which file: ${FILES_WITH_SCHEMA.join(', ')}`)
    .action(async (file: string) => {
      const { printJsonSchema } = await import('./json-schema.ts');
      code = await printJsonSchema(file);
    });
  const runner =
    (plans: RegistryCommand['plans']): RunOnRegistry =>
    async ({ config }, work) => {
      const { withRegistry } = await import('./with-registry.ts');
      await withRegistry({ directory: config, environment, plans }, work);
    };
  const registry: RegistryProgram = {
    program,
    options: commonOptions,
    run: runner('ignored'),
    runWithFile: runner('read'),
    runWithPlans: runner('made'),
  };
  for (const add of [addKeys, addPlans, addConsumers, addSubscriptions]) add(registry);
  pointToHelp(program, 'hem');

  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_UNUSABLE;
    if (error instanceof ConfigurationError) reportProblems(error.problems, 'text');
    else console.error(`hem: ${toAdvice(error)}`);
    return EXIT_UNUSABLE;
  }
}

/** Whoever mistakes a command is shown where that one is described. */
function pointToHelp(command: Command, words: string): void {
  command.showHelpAfterError(`Run "${words} --help" to see what there is.`);
  for (const below of command.commands) pointToHelp(below, `${words} ${below.name()}`);
}

function configOption(): Option {
  return new Option('--config <dir>', 'the configuration directory').default('.');
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

function parseListLength(text: string): number {
  const length = Number(text);
  if (!Number.isInteger(length) || length < 1 || length > 10_000)
    throw new InvalidArgumentError('A list length is a whole number from 1 to 10000.');
  return length;
}

/** What to do about the errors that people meet; the rest as it is. */
function toAdvice(error: unknown): string {
  if (error instanceof HemError) return error.publicText;
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE')
    return `port ${port} of ${address} is in use, perhaps by a gateway that still runs: stop that one, or choose another with --port or --admin-port, or in hem.yml`;
  if (code === 'EACCES' && port !== undefined) return `port ${port} needs more rights than this process has`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Finds, starts or installs every service that tests talk to, all at the same time. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages, toAptCommand, whyNotInstallable } from './apt.ts';
import { type Daemon, findProgram, freePort } from './daemon.ts';
import { etcd } from './etcd.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';
import type { Service } from './service.ts';

export const SERVICES: readonly Service[] = [redis, rabbitmq, etcd];

export interface EnsureOptions {
  /** Ports for what has to be started: `own` ones, so that no other run finds it and loses it, or the `default` ones. */
  readonly ports: 'own' | 'default';
  readonly print: (line: string) => void;
}

/**
 * Sets each service's variable in this process's environment.
 * @returns what stops the ones that were started
 * @throws {Error} that says precisely what is missing
 */
export async function ensureServices({ ports, print }: EnsureOptions): Promise<AsyncDisposable> {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const found = await Promise.all(SERVICES.map(find));
  const missing = SERVICES.filter((_, index) => found[index] === undefined);
  const uninstalled = missing.filter((service) => !isInstalled(service));
  await install(uninstalled, print);

  const root = await mkdtemp(join(tmpdir(), 'hem-services-'));
  const daemons: Daemon[] = [];
  const stop = async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  const outcomes = await Promise.allSettled(
    SERVICES.map(async (service, index) => {
      const url = found[index];
      if (url !== undefined) {
        process.env[service.variable] = url;
        print(`${service.name.padEnd(9)} found at ${masked(url)}`);
        return;
      }
      const directory = join(root, service.name);
      await mkdir(directory);
      const port = ports === 'default' ? service.defaultPort : await freePort();
      daemons.push(await service.start({ directory, port }));
      process.env[service.variable] = service.url(port);
      const how = uninstalled.includes(service) ? 'installed and started' : 'started';
      print(`${service.name.padEnd(9)} ${how} at ${masked(service.url(port))}, ${seconds()}`);
    }),
  );
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
  if (failures.length > 0) {
    await stop();
    throw new Error(
      failures.map((reason) => (reason instanceof Error ? reason.message : String(reason))).join('\n'),
    );
  }
  return { [Symbol.asyncDispose]: stop };
}

/** A URL that answers, or undefined. A URL from the environment has to. */
async function find(service: Service): Promise<string | undefined> {
  const given = process.env[service.variable];
  if (given === undefined || given === '') {
    const url = service.url(service.defaultPort);
    return service.probe(url).then(
      () => url,
      () => undefined,
    );
  }
  try {
    await service.probe(given);
    return given;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${service.variable} is set, but ${service.name} cannot be used there: ${reason}`);
  }
}

function isInstalled(service: Service): boolean {
  return service.programs.every((program) => findProgram(program) !== undefined);
}

async function install(services: readonly Service[], print: (line: string) => void): Promise<void> {
  if (services.length === 0) return;
  const packages = services.flatMap((service) => service.packages);
  const obstacle = whyNotInstallable();
  if (obstacle !== undefined) {
    const lines = services.map(
      ({ name, programs, defaultPort, variable }) =>
        `  ${name}: no answer on 127.0.0.1:${defaultPort}, ${variable} is not set, no program ${programs[0]}`,
    );
    throw new Error(
      [
        'Services that the tests need are missing:',
        ...lines,
        `They cannot be installed from here: ${obstacle}.`,
        `Run this as root:  ${toAptCommand(packages)}`,
        `or name running ones in ${services.map(({ variable }) => variable).join(', ')}.`,
      ].join('\n'),
    );
  }
  print(`installing ${packages.join(', ')} with apt; this takes about a minute`);
  await installPackages(packages);
}

function masked(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

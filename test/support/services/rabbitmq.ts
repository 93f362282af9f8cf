import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { type Daemon, freePort, startDaemon } from './daemon.ts';
import type { Place, Service } from './service.ts';

/** Debian's `rabbitmq-server` in the PATH changes to the user rabbitmq and its fixed folders; this one does not. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export const rabbitmq: Service = {
  name: 'RabbitMQ',
  variable: 'HEM_TEST_AMQP_URL',
  defaultPort: 5672,
  packages: ['rabbitmq-server'],
  programs: [SERVER, 'epmd'],
  url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  probe: login,
  start,
};

/** Protocol header, login, virtual host: all that a connection needs. */
async function login(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 3000 });
  connection.on('error', () => {});
  await connection.close();
}

async function start({ directory, port }: Place): Promise<Daemon> {
  const [epmdPort, distributionPort] = [await freePort(), await freePort()];
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'enabled_plugins'), '[].\n');
  await writeFile(join(directory, 'rabbitmq.conf'), toSettings(port));
  await writeFile(
    join(directory, 'inetrc'),
    '{host, {127,0,0,1}, ["localhost"]}.\n{lookup, [file, native]}.\n',
  );
  const epmd = await startDaemon({
    name: 'epmd',
    command: ['epmd', '-address', '127.0.0.1', '-port', String(epmdPort)],
    directory,
    probe: async () => {},
    deadlineMs: 10_000,
  });
  return startDaemon({
    name: 'rabbitmq-server',
    command: [SERVER],
    directory,
    env: {
      // "localhost" and a table of our own, because the name of a bare machine often does not resolve.
      RABBITMQ_NODENAME: 'hem-test@localhost',
      ERL_INETRC: join(directory, 'inetrc'),
      RABBITMQ_DIST_PORT: String(distributionPort),
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'none.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_PID_FILE: join(directory, 'pid'),
      // The script then becomes the Erlang machine instead of waiting for it, and a signal meets the right process.
      RUNNING_UNDER_SYSTEMD: 'true',
    },
    probe: () => login(rabbitmq.url(port)),
    deadlineMs: 120_000,
    companion: epmd,
  });
}

/** A small disk or a busy machine must not block publishers through an alarm. */
function toSettings(port: number): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'disk_free_limit.absolute = 1MB',
    'log.console = true',
    'log.console.level = warning',
    '',
  ].join('\n');
}

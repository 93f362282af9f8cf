import { freePort, startDaemon } from './daemon.ts';
import type { Service } from './service.ts';

export const etcd: Service = {
  name: 'etcd',
  variable: 'HEM_TEST_ETCD_URL',
  defaultPort: 2379,
  packages: ['etcd-server', 'etcd-client'],
  programs: ['etcd'],
  url: (port) => `http://127.0.0.1:${port}`,
  probe: health,
  async start({ directory, port }) {
    const client = etcd.url(port);
    const peer = etcd.url(await freePort());
    return startDaemon({
      name: 'etcd',
      command: [
        ...(['etcd', '--data-dir', `${directory}/data`] as const),
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `default=${peer}`],
      ],
      directory,
      // etcd 3.4 refuses to start elsewhere than on amd64 without being told.
      env: process.arch === 'x64' ? {} : { ETCD_UNSUPPORTED_ARCH: process.arch },
      probe: () => health(client),
      deadlineMs: 30_000,
    });
  },
};

async function health(url: string): Promise<void> {
  const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(2000) });
  const text = (await response.text()).slice(0, 200);
  if (response.status !== 200 || !/"health":\s*"?true/.test(text)) {
    throw new Error(`/health answered ${response.status} ${text}`);
  }
}

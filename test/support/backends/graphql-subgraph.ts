/** The Apollo Federation subgraph in `test/support/apollo-subgraph`, in a process of its own, and the SDL that it gives of itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Subgraph extends AsyncDisposable {
  readonly url: string;
  /** As `_service { sdl }` answers it. */
  readonly sdl: string;
  /** The operations since the last call of this function. */
  requests(): Promise<ReadonlyArray<{ readonly query: string; readonly variables: Record<string, unknown> }>>;
}

const FOLDER = fileURLToPath(new URL('../apollo-subgraph/', import.meta.url));

export async function startSubgraph(): Promise<Subgraph> {
  const child = spawn(process.execPath, ['server.js'], {
    cwd: FOLDER,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`the subgraph ended with ${code} before it listened`);
  });
  const [line] = await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => {});
  const url = String(line).trim();
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data } = (await response.json()) as { data: { _service: { sdl: string } } };
  const requests = async () => (await (await fetch(url)).json()) as never;
  await requests();
  return {
    url,
    sdl: data._service.sdl,
    requests,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}

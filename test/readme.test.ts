/** README.md is true: its picture is a query that runs, and its five minutes do what they say. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startBikeShare } from './demo/bike-share.ts';
import { RunningCommand, runCommand } from './support/command.ts';
import { ROOT } from './support/imports.ts';
import { freePort } from './support/services/daemon.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'hem-readme-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Fenced blocks in their order. */
const blocks = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language: language!,
  text: text!,
}));

test('the picture is a query over all six backends', { timeout: 30_000 }, async () => {
  const picture = blocks
    .find(({ language }) => language === 'text')!
    .text.split('\n')
    .slice(1);
  const query = picture.map((line) => line.replace(/──.*/, '')).join('\n');
  const arrows = picture.flatMap((line) => [...line.matchAll(/── (\w+) ─+▶ (\w+)/g)]);
  const kinds = new Map(arrows.map(([, kind, name]) => [name!, kind]));
  expect([...kinds.keys()].sort()).toEqual(['billing', 'docks', 'fleet', 'riders', 'rides', 'stations']);
  for (const [name, kind] of kinds) {
    expect(readFileSync(join(ROOT, `connectors/${name}/connector.yml`), 'utf8')).toMatch(`kind: ${kind}\n`);
  }
  await using bikeShare = await startBikeShare();
  const whole = await bikeShare.gateway.query('web', query);
  expect(whole.body.errors).toBeUndefined();
  expect(whole.body.data.station.rides[0].rider.balance.currency).toMatch(/^[A-Z]{3}$/);
  expect(whole.body.data.station.docks[0].bike.model).toMatch(/\S/);
  for (const name of kinds.keys()) {
    const backend = bikeShare.demo.backends[name as 'stations'];
    await backend.stop();
    const { errors } = (await bikeShare.gateway.query('web', query)).body;
    expect(new Set(errors?.map(({ extensions }) => extensions.connector)), name).toEqual(new Set([name]));
    await backend.start();
    await expect
      .poll(async () => (await bikeShare.gateway.query('web', query)).body.errors, { timeout: 8000 })
      .toBeUndefined();
  }
});

/** In a shell with jobs, as people have. */
const STOP = 'kill %npx; wait %npx';

test('the five minutes', { timeout: 90_000 }, async () => {
  const [backendPort, port] = [await freePort(), await freePort()];
  const here = (text: string) =>
    text
      .replaceAll('--config my', `--config ${folder}/my`)
      .replaceAll('node my/', `node ${folder}/my/`)
      .replace(/(> |cat )my\/key/g, `$1${folder}/my/key`)
      .replaceAll('4200', String(backendPort))
      .replaceAll(':4000/', `:${port}/`)
      .replaceAll('hem start', `hem start --port ${port} --admin-port 0`);
  await using running = new AsyncDisposableStack();
  let output = '';
  let compared = 0;
  let gateway: RunningCommand | undefined;
  for (const { language, text } of blocks.slice(blocks.findIndex(({ text }) => text.startsWith('// my/')))) {
    const path = /^(?:#|\/\/) (my\/\S+)\n/.exec(text)?.[1];
    if (path !== undefined) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), here(text));
    } else if (language === 'json') {
      expect(JSON.parse(output)).toEqual(JSON.parse(text));
      compared++;
    } else {
      for (const line of here(text).trim().split('\n')) {
        if (line === STOP) {
          await gateway!.end('SIGTERM', 15_000);
          continue;
        }
        if (!line.endsWith('&')) {
          const { code, output: written } = await runCommand(['sh', '-c', line]);
          expect(code, `${line}\n${written}`).toBe(0);
          output = written;
          continue;
        }
        // What npx runs; a signal to npx itself would leave it behind.
        const words = line.slice(0, -1).replace('npx hem', 'node src/main.ts');
        const command = running.use(new RunningCommand(['sh', '-c', `exec ${words}`]));
        if (line.includes('hem start')) gateway = command;
        const address = line.includes('hem start')
          ? `http://127.0.0.1:${port}/`
          : `http://127.0.0.1:${backendPort}/`;
        await command.until(
          () =>
            fetch(address).then(
              () => true,
              () => false,
            ),
          30_000,
        );
      }
    }
  }
  expect(compared).toBe(2);
  // What was done above in its place is what the line does.
  await gateway!.end('SIGTERM', 15_000);
  const ask = `curl -s -o /dev/null http://127.0.0.1:${port}/`;
  const begin = here('npx hem start --config my');
  const script = `set -m; ${begin} & until ${ask}; do sleep 0.2; done; ${STOP}; ${ask}; echo "curl said $?"`;
  expect((await runCommand(['bash', '-c', script])).output).toContain('curl said 7');
});

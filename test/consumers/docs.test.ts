/** docs/consumers.md is true: its commands run, one after the other, and its peppers load. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseKey } from '../../src/consumers/key-format.ts';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';
import { FILES, hem, hemJson } from './configuration.ts';

const PAGE = readFileSync(join(ROOT, 'docs/consumers.md'), 'utf8');
const blocks = (language: string) =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text!);

test('its commands run', { timeout: 60_000 }, async () => {
  const directory = await writeConfiguration(FILES);
  try {
    let id = '';
    let count = 0;
    for (const line of blocks('sh').flatMap((text) => text.trim().split('\n'))) {
      const { subscriptions } = await hemJson(directory, 'subscriptions', 'list');
      const command = line
        .replace('npx hem', `${process.execPath} src/main.ts`)
        .replace('<id>', id)
        .replace('<subscription>', subscriptions[0]?.id);
      const { code, output } = await runCommand(['sh', '-c', `${command} --config ${directory}`]);
      expect(code, `${line}\n${output}`).toBe(0);
      id = /"id":"(\w+)"/.exec(output)?.[1] ?? id;
      count++;
    }
    expect(count).toBe(10);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('its peppers load', async () => {
  const secrets = { HEM_PEPPER_1: 'x'.repeat(32), HEM_PEPPER_2: 'y'.repeat(32) };
  // The file of the example is another machine's.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
  const settings = blocks('yaml')[0]!.replace('${file:/run/secrets/pepper-2}', '${env:HEM_PEPPER_2}');
  const directory = await writeConfiguration({ ...FILES, 'hem.yml': settings });
  try {
    const env = { PATH: process.env.PATH, ...secrets };
    const check = (command: string) =>
      runCommand([process.execPath, 'src/main.ts', ...command.split(' '), '--config', directory], { env });
    expect(await check('plans list')).toMatchObject({ code: 0, output: expect.stringContaining('free') });
    expect((await hem(directory, 'plans', 'list')).output).toContain('missing-environment-variable');
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('its key is one', () => {
  const [key = ''] = /^hem_live_\w+$/m.exec(PAGE) ?? [];
  expect(parseKey(key)?.kind).toBe('live');
});

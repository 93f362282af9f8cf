/** A pepper is changed as docs/consumers.md has it, by the doors that callers and operators have. */
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RunningCommand } from '../support/command.ts';
import { startGatewayIn, writeConfiguration } from '../support/gateway.ts';
import { FILES, hem, hemJson } from './configuration.ts';

const [ONE, TWO, THREE] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];

test('who still has a token of a pepper that was removed is answered 503, and operators are told', {
  timeout: 60_000,
}, async () => {
  const configure = (peppers: object, current: string) =>
    JSON.stringify({ listen: { port: 0 }, admin: { port: 0 }, keys: { peppers, current } });
  const directory = await writeConfiguration({ ...FILES, 'hem.yml': configure({ 1: ONE }, '1') });
  const change = (peppers: object, current: string) =>
    writeFile(join(directory, 'hem.yml'), configure(peppers, current));
  const statusOf = (adminUrl: string, token: string) =>
    fetch(`${adminUrl}/api/self`, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );
  try {
    const { token } = await hemJson(directory, 'consumers', 'create', 'acme');
    const { token: other } = await hemJson(directory, 'consumers', 'create', 'other');
    const { id } = await hemJson(directory, 'keys', 'create', '--consumer', 'acme', '--plan', 'partner');
    const digest = createHash('sha256').update('sk_theirs').digest('hex');
    const theirs = ['--consumer', 'acme', '--plan', 'partner', '--algorithm', 'sha256', '--prefix', 'sk_'];
    expect((await hem(directory, 'keys', 'import', ...theirs, digest)).code).toBe(0);
    await change({ 1: ONE, 2: TWO }, '2');
    const { id: next } = await hemJson(directory, 'keys', 'rotate', id, '--overlap', '0s');
    const { token: renewed } = await hemJson(directory, 'consumers', 'token', 'other');
    expect((await hemJson(directory, 'keys', 'list')).keys).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ id, pepper: '1' }),
        expect.objectContaining({ id: next, pepper: '2' }),
      ]),
    );
    expect((await hemJson(directory, 'consumers', 'list')).consumers).toMatchObject([
      { name: 'acme', pepper: '1' },
      { name: 'other', pepper: '2' },
    ]);
    expect(JSON.parse((await hem(directory, 'keys', 'show', next)).output)).toMatchObject({ pepper: '2' });

    await change({ 2: TWO }, '2');
    {
      await using started = await startGatewayIn(directory);
      const { adminUrl } = started;
      expect(await statusOf(adminUrl, token)).toBe(503);
      const presented = async (key: string) =>
        (await started.query('web', '{ __typename }', { headers: { 'x-api-key': key } })).status;
      expect([await presented('sk_theirs'), await presented('other')]).toEqual([503, 401]);
      expect(await statusOf(adminUrl, renewed)).toBe(200);
      for (const nobodys of [other, `${token}x`, 'hem_portal_x'])
        expect(await statusOf(adminUrl, nobodys)).toBe(401);
    }
    using process = new RunningCommand(
      [globalThis.process.execPath, 'src/main.ts', 'start', '--config', directory],
      { env: { PATH: globalThis.process.env.PATH } },
    );
    await process.until((output) => /^admin +http/m.test(output), 20_000);
    expect(process.output).toContain('"peppers":["1"]');
    // Another machine begins with one that is not known here yet.
    await change({ 2: TWO, 3: THREE }, '3');
    await hemJson(directory, 'keys', 'create', '--consumer', 'acme', '--plan', 'partner');
    await process.until((output) => output.includes('"peppers":["3"]'), 10_000);
    expect(await process.end('SIGTERM', 20_000)).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

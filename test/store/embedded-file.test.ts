/** The file of the embedded store when it is not what it should be. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { openStore } from '../../src/store/open.ts';

test('what SQLite cannot read is said to be so however often it is tried, and not to be another gateway’s', async () => {
  const root = await mkdtemp(join(tmpdir(), 'hem-store-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(
    join(root, 'store.sqlite'),
    'nothing that SQLite could read, but long enough to be looked at',
  );
  const settings = storeSettings.parse({ kind: 'embedded', file: 'store.sqlite' });
  await using store = await openStore(settings, root, pino({ level: 'silent' }), true);
  for (let times = 0; times < 2; times++)
    expect(() => store.usage()).toThrow(
      expect.objectContaining({
        publicText: expect.stringMatching(/neither opened nor made \(file is not a database\)/),
      }),
    );
  await rm(join(root, 'store.sqlite'));
  expect(store.usage()).toBeDefined();
});

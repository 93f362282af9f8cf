/** The settings that docs/identity.md and docs/auth.md show are settings that there are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { commonSettings } from '../../src/connectors/settings.ts';
import { toPattern } from '../../src/load/checks/certificate-pattern.ts';
import { clientSettings, hemSettings } from '../../src/load/settings/settings.ts';
import { ROOT } from '../support/imports.ts';

const BLOCKS = ['docs/identity.md', 'docs/auth.md'].flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!),
);
const settingsOf = (text: string) => parse(text) as Record<string, unknown>;

/** Below which file a block belongs. */
function shapeOf(text: string) {
  const settings = settingsOf(text);
  if ('identity' in settings) return commonSettings.pick({ identity: true }).strict();
  return 'auth' in settings ? clientSettings : hemSettings;
}

test.each(BLOCKS)('%s', (text) => {
  expect(shapeOf(text).safeParse(settingsOf(text))).toMatchObject({ success: true });
});

test('and so are their patterns', () => {
  const patterns = BLOCKS.flatMap((text) => {
    const { certificates } = clientSettings.safeParse(settingsOf(text)).data?.auth ?? {};
    return [...(certificates?.allow ?? []), ...Object.keys(certificates?.scopes ?? {})];
  });
  expect(patterns.length).toBeGreaterThan(4);
  expect(patterns.filter((pattern) => toPattern(pattern) === undefined)).toEqual([]);
  expect(toPattern('spiffe://prod.example/ns/*/sa/web')!.test('spiffe://prod.example/ns/a/b/sa/web')).toBe(
    false,
  );
});

/** `keys` in hem.yml: the secrets that keys are hashed with. */
import { z } from 'zod';
import type { Problems } from '../../problems.ts';
import type { YamlFile } from '../yaml.ts';
import type { StoreSettings } from './store-settings.ts';

const MIN_CHARACTERS = 32;

export const keySettings = z.strictObject({
  /** By version. Without any, one is made at the first start. */
  peppers: z
    .record(z.string().regex(/^\w{1,16}$/, { error: 'a version such as "1"' }), z.string())
    .optional(),
  /** The version that new keys are hashed with; the others are for keys that are there. */
  current: z.union([z.string(), z.int().transform(String)]).optional(),
});

export type KeySettings = z.output<typeof keySettings>;

/** Undefined where none are configured. */
export interface ConfiguredPeppers {
  readonly current: string;
  readonly secrets: ReadonlyMap<string, string>;
}

export function peppersOf({ peppers, current }: KeySettings): ConfiguredPeppers | undefined {
  const secrets = new Map(Object.entries(peppers ?? {}));
  return secrets.size === 0 ? undefined : { secrets, current: current ?? [...secrets.keys()][0]! };
}

/** @param keysAreUsed whether there are plans that consumers can have keys for */
export function checkPeppers(
  yaml: YamlFile,
  { keys, store }: { readonly keys: KeySettings; readonly store: StoreSettings },
  { problems, keysAreUsed }: { readonly problems: Problems; readonly keysAreUsed: boolean },
): void {
  const secrets = Object.entries(keys.peppers ?? {});
  const rule = 'keys-pepper';
  for (const [version, secret] of secrets) {
    if (secret.length >= MIN_CHARACTERS || yaml.isUnresolved(['keys', 'peppers', version])) continue;
    problems.report({
      rule,
      at: yaml.placeOf(['keys', 'peppers', version]),
      message: `The pepper "${version}" is too short to keep a secret.`,
      found: `${secret.length} characters`,
      expected: `${MIN_CHARACTERS} or more, from a source of randomness`,
      hint: 'openssl rand -base64 32',
    });
  }
  if (keys.current !== undefined && !Object.hasOwn(keys.peppers ?? {}, keys.current)) {
    const versions = secrets.map(([version]) => version);
    problems.report({
      rule,
      at: yaml.placeOf(['keys', 'current']),
      message: 'There is no pepper of this version.',
      found: yaml.shown(['keys', 'current'], keys.current),
      expected: versions.length === 0 ? 'a version that stands under keys.peppers' : versions.join(' or '),
    });
  }
  if (keys.current === undefined && secrets.length > 1) {
    problems.report({
      rule,
      at: yaml.placeOf(['keys', 'peppers'], { key: true }),
      message: 'Of several peppers one is for new keys.',
      expected: `keys.current: one of ${secrets.map(([version]) => version).join(', ')}`,
    });
  }
  if (secrets.length === 0 && store.kind === 'redis' && keysAreUsed) {
    problems.report({
      rule,
      at: yaml.placeOf(['store'], { key: true }),
      message:
        'Machines that share keys in Redis have to hash them with the same pepper, and none is configured.',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how references are written
      expected: 'keys: { peppers: { "1": "${env:HEM_PEPPER}" } }',
      hint: 'make one with "openssl rand -base64 32", and give it to all machines',
    });
  }
}

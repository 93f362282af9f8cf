import { expect, test } from 'vitest';
import { useUp } from './callers.ts';
import type { Deployment } from './deployment.ts';

const LIMIT = 160;
const USED = 50;
/** What is lost of a limit when the process on an embedded store is killed: docs/stores.md. */
const SIXTEENTH = LIMIT / 16;

/** What was used stays used, and who is known stays known. */
export function restartCases(deployment: () => Deployment): void {
  test.each([
    ['SIGTERM', 0],
    ['SIGKILL', SIXTEENTH],
  ] as const)(
    'after %s nothing is given back, and keys are known',
    { timeout: 60_000 },
    async (signal, lost) => {
      const all = deployment();
      const { id, key } = await all.createKey(`kept-${signal.toLowerCase()}`, 'kept');
      const revoked = await all.createKey('kept-revoked', 'open');
      await all.hemJson('keys', 'revoke', revoked.id);
      for (let turn = 0; turn < USED; turn++)
        expect((await all.gateway(turn).call({ key })).status).toBe(200);
      await all.restart(0, signal);
      // At once: nothing has to be found out first.
      const first = await all.gateway(0).call({ key });
      expect(first.status).toBe(200);
      expect((await all.gateway(0).call({ key: revoked.key })).status).toBe(401);
      const { admitted, refused } = await useUp(all, { key });
      expect(refused.status).toBe(429);
      const total = USED + 1 + admitted;
      expect(total).toBeLessThanOrEqual(LIMIT);
      expect(total).toBeGreaterThanOrEqual(LIMIT - (all.kind === 'embedded' ? lost : 0));
      const { keys } = await all.hemJson('keys', 'list', '--plan', 'kept');
      expect(keys.find((listed: { id: string }) => listed.id === id)).toMatchObject({ state: 'active' });
    },
  );
}

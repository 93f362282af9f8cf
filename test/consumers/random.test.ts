/** Random lives of keys, beside a model of ten lines that says which of them count. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openRegistries } from './registries.ts';

const seed = Number(process.env.HEM_TEST_SEED ?? Date.now() % 2 ** 31);

interface ModelKey {
  readonly id: string;
  readonly text: string;
  readonly owner: number;
  readonly under: string;
  revoked: boolean;
  end: number;
  /** What is in its place. */
  next: ModelKey | undefined;
}

const which = fc.nat(30);
const minutes = fc.integer({ min: 0, max: 90 });
const step = fc.oneof(
  fc.record({ what: fc.constant('create' as const), which, minutes }),
  fc.record({ what: fc.constant('rotate' as const), which, minutes }),
  fc.record({ what: fc.constantFrom('revoke', 'suspend', 'resume', 'cancel', 'ask'), which, minutes }),
  fc.record({ what: fc.constant('wait' as const), which, minutes }),
);

test('a key counts exactly when the model says so', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      await using registries = await openRegistries();
      const { consumers, subscriptions, keys, table } = await registries.open();
      // Time passes in minutes here: what a step really takes makes no difference.
      const clock = () => Date.now() + registries.ahead;
      const suspended = [false, false];
      const under = ['', ''];
      const model: ModelKey[] = [];
      for (const owner of [0, 1]) {
        await consumers.create(`c${owner}`);
        under[owner] = (await subscriptions.ask(`c${owner}`, 'free', 'consumer')).id;
      }
      const counts = (key: ModelKey) =>
        !key.revoked && clock() < key.end && !suspended[key.owner] && key.under === under[key.owner];
      const end = (at: string | null) => (at === null ? Number.POSITIVE_INFINITY : Date.parse(at));

      for (const { what, which: number, minutes: length } of steps) {
        const owner = number % 2;
        const key = model[number % Math.max(1, model.length)];
        const isRefused = { code: 'CONFLICT' };
        if (what === 'wait') registries.ahead += length * 60_000 + 1000;
        else if (what === 'suspend' || what === 'resume') {
          suspended[owner] = what === 'suspend';
          await consumers.setSuspended(`c${owner}`, suspended[owner]);
        } else if (what === 'cancel' && under[owner] !== '') {
          await subscriptions.decide(under[owner]!, 'cancelled');
          under[owner] = '';
        } else if (what === 'ask')
          under[owner] = (await subscriptions.ask(`c${owner}`, 'free', 'consumer')).id;
        else if (what === 'create') {
          const expiresAt = length % 3 === 0 ? undefined : clock() + (length + 1) * 60_000;
          const creating = keys.create({ consumer: `c${owner}`, plan: 'free', expiresAt }, 'operator');
          if (suspended[owner] || under[owner] === '')
            await expect(creating).rejects.toMatchObject(isRefused);
          else {
            const { id, key: text, view } = await creating;
            model.push({
              id,
              text,
              owner,
              under: under[owner]!,
              revoked: false,
              end: end(view.expiresAt),
              next: undefined,
            });
          }
        } else if (what === 'revoke' && key !== undefined) {
          await keys.revoke(key.id);
          key.revoked = true;
        } else if (what === 'rotate' && key !== undefined) {
          const rotating = keys.rotate(key.id, { overlapMs: length * 60_000 });
          if (!counts(key) || key.next?.revoked === false)
            await expect(rotating).rejects.toMatchObject(isRefused);
          else {
            const { id, key: text, view } = await rotating;
            const next = { ...key, id, text, revoked: false, end: end(view.expiresAt), next: undefined };
            const cutOff = Math.min(key.end, clock() + length * 60_000);
            key.end = end((await keys.show(key.id)).expiresAt);
            expect(Math.abs(key.end - cutOff)).toBeLessThan(5000);
            key.next = next;
            model.push(next);
          }
        }
        for (const one of model)
          expect([what, one.id, table.find(one.text)?.id]).toEqual([
            what,
            one.id,
            counts(one) ? one.id : undefined,
          ]);
      }
    }),
    { seed, numRuns: 25 },
  );
});

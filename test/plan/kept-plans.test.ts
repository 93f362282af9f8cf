/** Documents of many fields would fill the memory with their plans long before there are many of them. */
import { expect, test } from 'vitest';
import { type Forgettable, KeptPlans } from '../../src/plan/kept-plans.ts';

test('plans are forgotten when all of them have too many fields, those in use last', () => {
  const plans = new KeptPlans(100);
  const forgotten: number[] = [];
  const inUse: Forgettable = { fields: 20, used: true, forget: () => forgotten.push(0) };
  plans.add(inUse);
  for (let index = 1; index < 8; index++) {
    inUse.used = true;
    plans.add({ fields: 20, used: false, forget: () => forgotten.push(index) });
  }
  expect(plans.fields).toBe(100);
  expect(forgotten).toHaveLength(3);
  expect(forgotten).not.toContain(0);
});

test('one that is larger than all others together may is kept alone', () => {
  const plans = new KeptPlans(100);
  const forgotten: string[] = [];
  plans.add({ fields: 50, used: false, forget: () => forgotten.push('small') });
  plans.add({ fields: 500, used: false, forget: () => forgotten.push('large') });
  expect(forgotten).toEqual(['small']);
  expect(plans.fields).toBe(500);
});

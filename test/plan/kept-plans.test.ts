/** Documents of many fields would fill the memory with their plans long before there are many of them. */
import { buildSchema, parse } from 'graphql';
import { expect, test } from 'vitest';
import { type Forgettable, KeptPlans } from '../../src/plan/kept-plans.ts';
import { NotCompiled } from '../../src/plan/plan.ts';
import { Variants } from '../../src/plan/variants.ts';

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

test('a plan keeps its document, and weighs as much, whatever that has besides fields', () => {
  const schema = buildSchema('type Query { a: Int }');
  const weightOf = (text: string) => {
    const all = new KeptPlans();
    const compile = () => {
      throw new NotCompiled('only weighed');
    };
    const coercer = () => () => ({ values: { sources: {}, coerced: {} } }) as never;
    new Variants(parse(text), undefined, { schema, compile, all, coercer }).planFor({
      sources: {},
      coerced: {},
    } as never);
    return all.fields;
  };
  expect(weightOf('{ a }')).toBe(5);
  expect(weightOf(`{ a } # ${'x'.repeat(900_000)}`)).toBeGreaterThan(9000);
});

/** Checks that what mutations make out of date is in the graph. */
import { isCompositeType } from 'graphql';
import type { ConnectorType } from '../load/model.ts';
import { didYouMean, type Problems } from '../problems.ts';

export function reportInvalidations(
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  problems: Problems,
): void {
  const names = [...byName].flatMap(([name, [first]]) =>
    isCompositeType(first?.type) && !name.startsWith('__') ? [name] : [],
  );
  for (const source of byName.get('Mutation') ?? [])
    for (const { invalidates } of source.fields.values())
      for (const { type, place } of invalidates) {
        if (names.includes(type)) continue;
        problems.report({
          rule: 'invalidates-type',
          at: place,
          message: 'There is no such type in the graph.',
          found: type,
          hint: didYouMean(type, names),
        });
      }
}

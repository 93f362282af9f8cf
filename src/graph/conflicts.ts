/** What several connectors say about the same name must fit together. Every problem names both places. */

import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
} from 'graphql';
import type { Connector, ConnectorType } from '../load/model.ts';
import { ROOTS } from '../load/root-types.ts';
import { didYouMean, type Problems } from '../problems.ts';
import { differenceOf, reportFieldConflicts } from './field-conflicts.ts';
import { reportOwnership } from './ownership.ts';

/** @returns the names of types about which connectors disagree: nothing that depends on them can be judged */
export function reportConflicts(
  byName: ReadonlyMap<string, readonly ConnectorType[]>,
  connectors: readonly Connector[],
  problems: Problems,
): ReadonlySet<string> {
  const disputed = new Set<string>();
  for (const [name, types] of byName) {
    const [first, ...others] = types;
    if (first === undefined) continue;
    const before = problems.count;
    reportOrphan(types, byName, problems);
    for (const other of others) compareTypes(first, other, problems);
    const alike = types.every((type) => kindOf(type.type) === kindOf(first.type));
    reportInheritedNames(types, problems);
    if (alike && (isObjectType(first.type) || isInterfaceType(first.type)))
      reportFieldConflicts(types, problems);
    if (problems.count > before) disputed.add(name);
  }
  reportOwnership({ byName, connectors, problems });
  return disputed;
}

/** `extend type` of something that nobody defines. */
function reportOrphan(
  types: readonly ConnectorType[],
  byName: ReadonlyMap<string, unknown>,
  problems: Problems,
): void {
  const first = types[0]!;
  if (ROOTS.has(first.name) || !types.every((type) => type.extends)) return;
  problems.report({
    rule: 'extended-type-undefined',
    at: first.place,
    message: `"${first.name}" is extended here, but no connector defines it.`,
    hint:
      didYouMean(
        first.name,
        [...byName.keys()].filter((name) => name !== first.name),
      ) ?? `write "type ${first.name}" in the connector that owns it`,
  });
}

/** Merging objects of several connectors reads fields by name, and these names every object has already. */
function reportInheritedNames(types: readonly ConnectorType[], problems: Problems): void {
  if (types.length < 2) return;
  for (const type of types) {
    for (const field of type.fields.values()) {
      if (!(field.name in Object.prototype) && field.name !== 'then') continue;
      problems.report({
        rule: 'inherited-name',
        at: field.place,
        message: `A field of a type that several connectors share cannot be called "${field.name}".`,
        hint: `give it another name and say where it is: @from(path: "${field.name}")`,
      });
    }
  }
}

function compareTypes(a: ConnectorType, b: ConnectorType, problems: Problems): void {
  const report = (rule: string, message: string, hint?: string) =>
    problems.report({
      rule,
      at: b.place,
      message,
      hint,
      related: [{ at: a.place, note: `in the connector "${a.connector.name}"` }],
    });
  if (kindOf(a.type) !== kindOf(b.type)) {
    report(
      'type-kind-conflict',
      `"${a.name}" is ${kindOf(b.type)} here and ${kindOf(a.type)} in the connector "${a.connector.name}".`,
    );
    return;
  }
  if (isEnumType(a.type) && isEnumType(b.type)) {
    const difference = differenceOf(
      a.type.getValues().map(({ name }) => name),
      b.type.getValues().map(({ name }) => name),
    );
    if (difference !== undefined)
      report(
        'enum-conflict',
        `The enum "${a.name}" has different values in the connectors "${a.connector.name}" and "${b.connector.name}": ${difference}.`,
        'the same values in both, or two names',
      );
  }
  if (isInputObjectType(a.type) && isInputObjectType(b.type)) {
    const describe = (type: typeof a.type) =>
      Object.values(type.getFields()).map((field) => `${field.name}: ${field.type}`);
    const difference = differenceOf(describe(a.type), describe(b.type as typeof a.type));
    if (difference !== undefined)
      report(
        'input-conflict',
        `The input "${a.name}" has different fields in the connectors "${a.connector.name}" and "${b.connector.name}": ${difference}.`,
        'the same fields in both, or two names',
      );
  }
}

function kindOf(type: GraphQLNamedType): string {
  if (isObjectType(type)) return 'an object type';
  if (isInterfaceType(type)) return 'an interface';
  if (isEnumType(type)) return 'an enum';
  if (isInputObjectType(type)) return 'an input type';
  return isScalarType(type) ? 'a scalar' : 'a union';
}

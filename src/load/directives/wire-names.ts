/** What backends call enum values and concrete types: `@from(value:)` and `@discriminator`. */
import { type GraphQLNamedType, type GraphQLSchema, isAbstractType, isEnumType } from 'graphql';
import { toReader } from '../../mapping/path.ts';
import { didYouMean } from '../../problems.ts';
import type { Discriminator, WireValues } from '../model.ts';
import { type DirectiveReader, directivesOf } from './directive-reader.ts';

/** Undefined unless an enum has a value with another name on the wire. */
export function readWireValues(type: GraphQLNamedType, reader: DirectiveReader): WireValues | undefined {
  if (!isEnumType(type)) return undefined;
  const toWire = new Map<string, string>();
  const fromWire = new Map<string, string>();
  for (const { name, astNode } of type.getValues()) {
    const node = astNode?.directives?.find((directive) => directive.name.value === 'from');
    const values = reader.values('from', astNode) ?? {};
    const wire = typeof values.value === 'string' ? values.value : name;
    if (node !== undefined && (values.path !== undefined || typeof values.value !== 'string')) {
      reader.report(node, {
        rule: 'from-arguments',
        message: `@from on the enum value ${type.name}.${name} needs "value" and nothing else.`,
        found: Object.keys(values).join(' and ') || 'none',
      });
    }
    const other = fromWire.get(wire);
    if (other !== undefined) {
      reader.reportAt(reader.place(node ?? astNode), {
        rule: 'duplicate-enum-value',
        message: `The backend's ${JSON.stringify(wire)} would be both ${type.name}.${other} and ${type.name}.${name}.`,
      });
    }
    toWire.set(name, wire);
    fromWire.set(wire, name);
  }
  return [...toWire].every(([name, wire]) => name === wire) ? undefined : { toWire, fromWire };
}

export function readDiscriminator(
  type: GraphQLNamedType,
  schema: GraphQLSchema,
  reader: DirectiveReader,
): Discriminator | undefined {
  if (!isAbstractType(type)) return undefined;
  const node = directivesOf(type).find(({ name }) => name.value === 'discriminator');
  const values = reader.values('discriminator', type.astNode);
  if (node === undefined || values === undefined) return undefined;
  const possible = schema.getPossibleTypes(type).map(({ name }) => name);
  const mapping = (values.mapping ?? []) as ReadonlyArray<{ value: string; type: string }>;
  const typeOf = new Map(possible.map((name) => [name, name]));
  for (const [index, entry] of mapping.entries()) {
    if (!possible.includes(entry.type)) {
      reader.report(
        node,
        {
          rule: 'discriminator-type',
          message: `"${entry.type}" is not one of ${type.name}'s types.`,
          expected: possible.join(', '),
          hint: didYouMean(entry.type, possible),
        },
        ['mapping', index, 'type'],
      );
    }
    typeOf.set(entry.value, entry.type);
  }
  const path = String(values.property);
  const property = reader.valueMap(node, 'property', path);
  return property === undefined
    ? undefined
    : { property: toReader(property), path, typeOf, nested: values.nested === true };
}

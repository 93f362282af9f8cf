/** What kinds do alike with a field's arguments: fill a request with them by name, see which it uses, and know their types. */
import { type GraphQLInputType, isInputObjectType, isListType, isNonNullType, type ValueNode } from 'graphql';
import type { Literal } from '../mapping/literal.ts';
import type { Path } from '../mapping/path.ts';
import { type Reference, rootOf, type ValueOf, type Values } from '../mapping/values.ts';
import type { FieldToBind } from './kind.ts';

export interface NamedValue {
  readonly name: string;
  readonly value: ValueOf;
}

/** For fields of records: the key fields of the record that have a wanted name. Each one named here is fetched for the field. */
export function keysByName(
  field: FieldToBind,
  isWanted: (name: string) => boolean = () => true,
): readonly NamedValue[] {
  if (field.use !== 'field') return [];
  return field.parent
    .filter(({ name, isKey }) => isKey && isWanted(name))
    .map(({ name }) => ({ name, value: field.parentField(name) }));
}

export function argumentsByName(field: FieldToBind): readonly NamedValue[] {
  return field.args.map(({ name }) => ({ name, value: field.argument(name) }));
}

/** An object of those that have a value; the last of a name counts. */
export function toObject(parts: readonly NamedValue[]): (values: Values) => Record<string, unknown> {
  return (values) => {
    const object: Record<string, unknown> = Object.create(null);
    for (const { name, value } of parts) {
      const given = value(values);
      if (given !== undefined) object[name] = given;
    }
    return object;
  };
}

/** The names of the field's own arguments that templates and literals read. */
export function argumentsIn(references: readonly Reference[]): ReadonlySet<string> {
  return new Set(references.filter(({ source }) => source === 'args').map(rootOf));
}

/** Reports arguments that change nothing. `write` and `place` say how and where one would be used: "$id" in "args". */
export function reportUnused(
  field: FieldToBind,
  used: ReadonlySet<string>,
  { rule, write, place }: { rule: string; write: (name: string) => string; place: string },
): void {
  const unused = field.args.filter(({ name }) => !used.has(name)).map(({ name }) => name);
  if (unused.length === 0) return;
  field.report(
    {
      rule,
      message: `${field.coordinate} has arguments that the request does not use.`,
      found: unused.join(', '),
      hint: `use ${unused.map(write).join(', ')} in ${place}, or remove the argument`,
    },
    field.directive.args === undefined ? [] : ['args'],
  );
}

export const inLiteral = (name: string) => `$${name}`;
export const inTemplate = (name: string) => `{${name}}`;

/** The reference that a variable of a literal is. */
export function referenceAt(literal: Literal, { loc }: ValueNode): Reference | undefined {
  return literal.references.find(({ offset }) => offset === (loc?.start ?? -2) + 1);
}

/** The type of an argument, or of what a path leads to inside of it; undefined when that cannot be said. */
export function typeOfReference(
  field: FieldToBind,
  { source, path }: Reference,
): GraphQLInputType | undefined {
  const [first, ...rest] = path;
  if (source !== 'args' || first?.kind !== 'key') return undefined;
  const argument = field.args.find(({ name }) => name === first.name);
  return argument === undefined ? undefined : typeAt(argument.type, rest);
}

function typeAt(type: GraphQLInputType, path: Path): GraphQLInputType | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return type;
  const inner = isNonNullType(type) ? type.ofType : type;
  if (step.kind === 'key') {
    const next = isInputObjectType(inner) ? inner.getFields()[step.name]?.type : undefined;
    return next === undefined ? undefined : typeAt(next, rest);
  }
  // A list of what is picked out of each item has no name of its own here.
  return step.kind === 'index' && isListType(inner) ? typeAt(inner.ofType, rest) : undefined;
}

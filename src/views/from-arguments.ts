/** Each place of `@from` knows some of its arguments: the others would be ignored without a word. */
import type { ConstDirectiveNode, DocumentNode } from 'graphql';
import type { ViewContext } from './context.ts';

interface Node {
  readonly directives?: readonly ConstDirectiveNode[];
}

/** A type, a field or anything else that a file defines, with what is in it. */
interface Definition extends Node {
  readonly fields?: ReadonlyArray<Node & { readonly arguments?: readonly Node[] }>;
  readonly values?: readonly Node[];
}

const OF_TYPES = ['type'];
const OF_FIELDS = ['field', 'path', 'args'];
const OF_INPUT_FIELDS = ['field'];
const OF_ARGUMENTS = ['argument'];
const OF_VALUES = ['value'];

export function checkFromArguments(document: DocumentNode, context: ViewContext): void {
  const checkAll = ({ directives = [] }: Node, known: readonly string[]) => {
    for (const directive of directives) if (directive.name.value === 'from') check(directive, known, context);
  };
  for (const definition of document.definitions) {
    const { fields = [], values = [] } = definition as Definition;
    checkAll(definition as Definition, OF_TYPES);
    const ofFields = definition.kind.startsWith('InputObject') ? OF_INPUT_FIELDS : OF_FIELDS;
    for (const field of fields) {
      checkAll(field, ofFields);
      for (const argument of field.arguments ?? []) checkAll(argument, OF_ARGUMENTS);
    }
    for (const value of values) checkAll(value, OF_VALUES);
  }
}

function check(directive: ConstDirectiveNode, known: readonly string[], context: ViewContext): void {
  const given = directive.arguments ?? [];
  for (const { name, loc } of given) {
    if (known.includes(name.value)) continue;
    context.report(context.placeOf(loc), {
      rule: 'from-arguments',
      message: `@from has no use for "${name.value}" here.`,
      expected: known.map((word) => `"${word}"`).join(' or '),
    });
  }
  if (given.length > 0) return;
  context.report(context.placeOf(directive.loc), {
    rule: 'from-arguments',
    message: '@from does not say from where.',
    expected: known.map((word) => `"${word}"`).join(' or '),
  });
}

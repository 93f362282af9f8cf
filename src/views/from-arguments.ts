/** Each place of `@from` knows some of its arguments: the others would be ignored without a word. */
import { type ASTNode, type ConstDirectiveNode, type DocumentNode, Kind, visit } from 'graphql';
import type { ViewContext } from './context.ts';

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  [Kind.FIELD_DEFINITION]: ['field', 'path', 'args'],
  [Kind.INPUT_VALUE_DEFINITION]: ['field', 'argument'],
  [Kind.ENUM_VALUE_DEFINITION]: ['value'],
};
const OF_TYPES = ['type'];

export function checkFromArguments(document: DocumentNode, context: ViewContext): void {
  visit(document, {
    enter(node, _key, _parent, _path, ancestors) {
      if (!('directives' in node)) return;
      for (const directive of (node.directives ?? []) as readonly ConstDirectiveNode[])
        if (directive.name.value === 'from') check(directive, knownAt(node, ancestors), context);
    },
  });
}

function knownAt(node: ASTNode, ancestors: ReadonlyArray<ASTNode | readonly ASTNode[]>): readonly string[] {
  if (node.kind !== Kind.INPUT_VALUE_DEFINITION) return KNOWN[node.kind] ?? OF_TYPES;
  const ofField = ancestors.some((ancestor) => 'kind' in ancestor && ancestor.kind === Kind.FIELD_DEFINITION);
  return ofField ? ['argument'] : ['field'];
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

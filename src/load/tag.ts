/** `@tag(name:)`: groups fields for plans. What several say of one element adds up. */
import type { ConstDirectiveNode } from 'graphql';
import type { DirectiveReader } from './directive-reader.ts';

export const TAG = /^[A-Za-z_][\w/-]{0,127}$/;

const ROOTS = new Set(['Query', 'Mutation', 'Subscription']);

type Tagged = { readonly directives?: readonly ConstDirectiveNode[] | undefined } | null | undefined;

/** The tags of one element, which may be defined in several places. Names that are none are reported where they stand. */
export function readTags(
  nodes: readonly Tagged[],
  coordinate: string,
  reader: DirectiveReader,
): readonly string[] {
  const directives = nodes
    .flatMap((node) => node?.directives ?? [])
    .filter(({ name }) => name.value === 'tag');
  const [first] = directives;
  if (first !== undefined && ROOTS.has(coordinate)) {
    reader.report(first, {
      rule: 'tag-place',
      message: `A tag on ${coordinate} would be one of all connectors' fields there.`,
      hint: 'put it on the fields',
    });
    return [];
  }
  return [...new Set(directives.flatMap((directive) => nameOf(directive, reader)))];
}

function nameOf(directive: ConstDirectiveNode, reader: DirectiveReader): readonly string[] {
  const value = directive.arguments?.find(({ name }) => name.value === 'name')?.value;
  // What is no text was reported when the SDL was checked.
  if (value?.kind !== 'StringValue') return [];
  if (TAG.test(value.value)) return [value.value];
  reader.report(
    directive,
    {
      rule: 'tag-name',
      message: 'This cannot be the name of a tag.',
      found: JSON.stringify(value.value.slice(0, 64)),
      expected: 'letters, digits, "_", "-" and "/", beginning with a letter',
    },
    ['name'],
  );
  return [];
}

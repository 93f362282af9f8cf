/** `@tag(name:)`: groups fields for plans. What several say of one element adds up. */

import { type ConstDirectiveNode, print } from 'graphql';
import { ROOTS } from '../root-types.ts';
import type { DirectiveReader } from './directive-reader.ts';

export const TAG = /^[A-Za-z_][\w/-]{0,127}$/;

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
  // What is missing was reported when the SDL was checked.
  if (value === undefined) return [];
  const text = value.kind === 'StringValue' ? value.value : undefined;
  if (text !== undefined && TAG.test(text)) return [text];
  reader.report(
    directive,
    {
      rule: 'tag-name',
      message: 'This cannot be the name of a tag.',
      found: (text === undefined ? print(value) : JSON.stringify(text)).slice(0, 66),
      expected: 'a text in quotes: letters, digits, "_", "-" and "/", beginning with a letter',
    },
    ['name'],
  );
  return [];
}

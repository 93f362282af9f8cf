/** What things cost: the meaning of `@cost` and `@listSize`, after the IBM specification of GraphQL costs. */

import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
} from 'graphql';
import { didYouMean } from '../../problems.ts';
import { ROOTS } from '../root-types.ts';
import type { DirectiveReader } from './directive-reader.ts';

/** How long lists are taken to be. */
export interface ListSize {
  readonly assumed: number | undefined;
  /** Paths in the field's arguments, the first step an argument: each a number, or a list that counts by its length. */
  readonly slicing: readonly (readonly string[])[];
  /** Paths below the value; without any it is the field's own list. */
  readonly sized: readonly (readonly string[])[];
  /** Whether exactly one of `slicing` has to be given. */
  readonly requireOne: boolean;
}

type Annotated = Parameters<DirectiveReader['values']>[1];

/** No answer is ever worth more, and sums of them stay exact. */
const MAX_WEIGHT = 1e9;

/** The `@cost` of an element, which may be defined in several places; undefined where there is none. */
export function readWeight(
  nodes: readonly (Annotated | null | undefined)[],
  reader: DirectiveReader,
): number | undefined {
  for (const node of nodes) {
    const directive = directiveOn(node, 'cost');
    if (directive === undefined) continue;
    const written = directive.arguments?.find(({ name }) => name.value === 'weight')?.value;
    const text = written !== undefined && 'value' in written ? String(written.value) : '';
    const isNumber =
      written?.kind === Kind.INT || written?.kind === Kind.FLOAT || written?.kind === Kind.STRING;
    const weight = isNumber && /^\d{1,10}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
    if (weight <= MAX_WEIGHT) return weight;
    // Without a weight the directive was reported when the SDL was checked.
    if (written !== undefined)
      reader.report(
        directive,
        {
          rule: 'cost-weight',
          message: 'This is not a weight.',
          found: isNumber ? JSON.stringify(text.slice(0, 40)) : 'another kind of value',
          expected: `a number from 0 to ${MAX_WEIGHT}, such as 5 or "2.5"`,
        },
        ['weight'],
      );
  }
  return undefined;
}

/** Of each value of a type. */
export function readTypeWeight(type: GraphQLNamedType, reader: DirectiveReader): number | undefined {
  const nodes = [type.astNode, ...type.extensionASTNodes];
  const directive = nodes.map((node) => directiveOn(node, 'cost')).find((found) => found !== undefined);
  if (directive !== undefined && ROOTS.has(type.name))
    reader.report(directive, {
      rule: 'cost-place',
      message: `Nobody asks for ${type.name} itself: its @cost would never count.`,
      hint: 'put it on the fields',
    });
  return readWeight(nodes, reader);
}

/** The `@listSize` of a field; undefined where there is none, or none that could be used. */
export function readListSize(
  field: GraphQLField<unknown, unknown>,
  coordinate: string,
  reader: DirectiveReader,
): ListSize | undefined {
  const directive = directiveOn(field.astNode, 'listSize');
  const values = directive === undefined ? undefined : reader.values('listSize', field.astNode);
  if (directive === undefined || values === undefined) return undefined;
  const report = (argument: string, index: number | undefined, problem: Wrong) =>
    reader.report(
      directive,
      { rule: 'list-size', ...problem },
      index === undefined ? [argument] : [argument, index],
    );
  const { assumedSize, slicingArguments, sizedFields, requireOneSlicingArgument } = values as {
    readonly assumedSize?: number | null;
    readonly slicingArguments?: readonly string[] | null;
    readonly sizedFields?: readonly string[] | null;
    readonly requireOneSlicingArgument?: boolean | null;
  };
  const assumed = assumedSize ?? undefined;
  if (assumed !== undefined && assumed < 0)
    report('assumedSize', undefined, {
      message: `The list of ${coordinate} cannot be shorter than empty.`,
      found: String(assumed),
      expected: '0 or more',
    });
  const slicing = (slicingArguments ?? []).map((text) => text.split('.'));
  for (const [index, path] of slicing.entries()) {
    const wrong = wrongSlicing(path, field, coordinate);
    if (wrong !== undefined) report('slicingArguments', index, wrong);
  }
  const sized = (sizedFields ?? []).map((text) => text.split('.'));
  for (const [index, path] of sized.entries()) {
    const wrong = wrongSized(path, field.type, coordinate);
    if (wrong !== undefined) report('sizedFields', index, wrong);
  }
  if (sized.length === 0 && !isListType(getNullableType(field.type)))
    report('', undefined, {
      message: `${coordinate} is no list.`,
      found: String(field.type),
      hint: 'lists below it are named by "sizedFields"',
    });
  else if (assumed === undefined && slicing.length === 0)
    report('', undefined, {
      message: `@listSize on ${coordinate} says nothing about the size.`,
      expected: '"assumedSize", "slicingArguments", or both',
    });
  return { assumed, slicing, sized, requireOne: slicing.length > 0 && requireOneSlicingArgument !== false };
}

interface Wrong {
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly hint?: string | undefined;
}

function wrongSlicing(
  path: readonly string[],
  field: GraphQLField<unknown, unknown>,
  coordinate: string,
): Wrong | undefined {
  let type: GraphQLInputType | undefined;
  let names = field.args.map(({ name }) => name);
  for (const [index, name] of path.entries()) {
    const inner = getNullableType(type);
    const next: { readonly type: GraphQLInputType } | undefined =
      index === 0
        ? field.args.find((argument) => argument.name === name)
        : isInputObjectType(inner)
          ? inner.getFields()[name]
          : undefined;
    if (index > 0) names = isInputObjectType(inner) ? Object.keys(inner.getFields()) : [];
    if (next === undefined)
      return {
        message: `${coordinate} has no such argument.`,
        found: path.join('.'),
        expected: names.length === 0 ? undefined : names.join(', '),
        hint: didYouMean(name, names),
      } as Wrong;
    type = next.type;
  }
  const nullable = getNullableType(type)!;
  if (isListType(nullable) || NUMBERS.has(getNamedType(nullable).name)) return undefined;
  return {
    message: `The argument "${path.join('.')}" does not say how long a list is.`,
    found: String(type),
    expected: 'a number, or a list that counts by its length',
  };
}

const NUMBERS = new Set(['Int', 'Float', 'BigInt']);

function wrongSized(path: readonly string[], from: GraphQLOutputType, coordinate: string): Wrong | undefined {
  let type = from;
  for (const [index, name] of path.entries()) {
    const owner = getNullableType(type);
    const fields = isObjectType(owner) || isInterfaceType(owner) ? owner.getFields() : {};
    const next = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (next === undefined)
      return {
        message: `${index === 0 ? coordinate : path.slice(0, index).join('.')} gives nothing that has a field "${name}".`,
        found: path.join('.'),
        expected: Object.keys(fields).join(', ') || 'a field of the object that it gives',
        hint: didYouMean(name, Object.keys(fields)),
      };
    type = next.type;
  }
  return isListType(getNullableType(type))
    ? undefined
    : { message: `"${path.join('.')}" below ${coordinate} is no list.`, found: String(type) };
}

/** One directive of an element. */
export function directiveOn(
  node: Annotated | null | undefined,
  name: string,
): ConstDirectiveNode | undefined {
  return (node?.directives as readonly ConstDirectiveNode[] | undefined)?.find(
    (directive) => directive.name.value === name,
  );
}

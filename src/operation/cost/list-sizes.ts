/** How long a list will be, by what callers ask for. */
import { type FieldNode, GraphQLError, Kind } from 'graphql';
import type { SizeRule } from '../../views/costs.ts';
import { type Given, MOST, type Values } from './counted.ts';

/** The most that any of the arguments asks for; undefined when none says it. */
export function longest(slicing: SizeRule['slicing'], values: Values): number | undefined {
  let most: number | undefined;
  for (const { path, presets } of slicing) {
    const size = toSize(valueAt(path, presets, values));
    if (size !== undefined) most = Math.max(most ?? 0, size);
  }
  return most;
}

function valueAt(path: readonly string[], presets: readonly unknown[], values: Values): unknown {
  let value: unknown = values;
  for (const [index, name] of path.entries()) {
    if (typeof value !== 'object' || value === null) return undefined;
    const given = Object.hasOwn(value, name) ? (value as Values)[name] : undefined;
    value = given === undefined ? presets[index] : given;
  }
  return value;
}

/**
 * Never more than can be reckoned with. What is less than nothing says nothing: some backends take it for all there is. Texts are read
 * as widely as a backend might read them.
 */
function toSize(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  const isText = typeof value === 'string' && value.trim() !== '';
  const size = isText || typeof value === 'bigint' ? Number(value) : value;
  return typeof size === 'number' && size >= 0 ? Math.min(MOST, Math.ceil(size)) : undefined;
}

/** A list of which callers have to say how long it is, in one way. */
export function checkOne(
  { slicing, names }: SizeRule,
  {
    values,
    given,
    coordinate,
    node,
  }: {
    readonly values: Values | undefined;
    readonly given: Given;
    readonly coordinate: string;
    readonly node: FieldNode;
  },
): GraphQLError | undefined {
  // Variables that do not fit are refused for that.
  if (values === undefined) return undefined;
  const written = (node.arguments ?? []).filter(({ name, value }) => {
    if (!names.includes(name.value) || value.kind === Kind.NULL) return false;
    return (
      value.kind !== Kind.VARIABLE || (given.variables?.coerced[value.name.value] ?? undefined) !== undefined
    );
  });
  const isUnsaid = longest(slicing, values) === undefined;
  const problem = isUnsaid
    ? 'how many it wants'
    : written.length > 1
      ? 'in one way only how many it wants'
      : undefined;
  if (problem === undefined) return undefined;
  const how = names.length === 0 ? '' : `: with ${names.map((name) => `"${name}"`).join(' or ')}`;
  const least = isUnsaid && written.length > 0 ? ', as 0 or more' : '';
  return new GraphQLError(`${coordinate} has to say ${problem}${how}${least}.`, {
    nodes: [node],
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
  });
}

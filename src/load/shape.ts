/** Checks what a YAML file says against the shape that it must have. All problems at once, each where it stands. */
import { z } from 'zod';
import { didYouMean, type Problem, type Problems } from '../problems.ts';
import type { YamlFile } from './yaml.ts';

type Path = readonly (string | number)[];
type Issue = z.core.$ZodIssue;

/** Shapes are checked a few times in a process's life: compiling them first would take longer than that. */
export const ONCE = { jitless: true } as const;

/** Undefined after reporting problems. */
export function checkShape<Schema extends z.ZodType>(
  yaml: YamlFile,
  schema: Schema,
  problems: Problems,
): z.output<Schema> | undefined {
  let result = schema.safeParse(yaml.value, ONCE);
  if (result.success) return result.data;
  let issues = issuesOf(result.error, yaml.value);
  const read = withReadReferences(yaml, issues);
  if (read !== undefined) {
    result = schema.safeParse(read, ONCE);
    if (result.success) return result.data;
    issues = issuesOf(result.error, read);
  }
  const found = issues.flatMap((issue) => toProblems(yaml, issue, schema));
  for (const problem of withoutEchoes(found)) problems.report(problem);
  return undefined;
}

function issuesOf({ issues }: z.ZodError, root: unknown): readonly Issue[] {
  return issues.flatMap((issue) => intoUnions(issue, root));
}

/** References give text. Where a number, true or false belongs, a text that is one is read as such. Undefined where none is. */
function withReadReferences(yaml: YamlFile, issues: readonly Issue[]): object | undefined {
  const values = issues.flatMap((issue) => {
    const path = toPath(issue);
    const text = valueAt(yaml.value, path);
    if (issue.code !== 'invalid_type' || typeof text !== 'string') return [];
    const value = yaml.referenceAt(path) === undefined ? undefined : READERS[issue.expected]?.(text.trim());
    return value === undefined ? [] : [{ path, value }];
  });
  if (values.length === 0) return undefined;
  const root = structuredClone(yaml.value);
  for (const { path, value } of values) {
    const holder = valueAt(root, path.slice(0, -1)) as Record<string | number, unknown>;
    holder[path.at(-1)!] = value;
  }
  return root;
}

const toNumber = (text: string) => (/^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined);
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  number: toNumber,
  int: toNumber,
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

interface ShapeProblem extends Problem {
  /** Of a missing key: what an unknown key of the same map may have meant. */
  readonly path: Path;
}

function toProblems(yaml: YamlFile, issue: Issue, schema: z.ZodType): ShapeProblem[] {
  const path = toPath(issue);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({
      rule: 'unknown-key',
      at: yaml.placeOf([...path, key], { key: true }),
      message: `There is no setting "${format([...path, key])}".`,
      found: key,
      expected: known.length === 0 ? undefined : `one of ${known.join(', ')}`,
      hint: didYouMean(key, known) ?? whereItStands(schema, path, key),
      path: [...path, key],
    }));
  }
  const reference = yaml.referenceAt(path);
  if (reference?.isUnresolved) return [];
  const found = valueAt(yaml.value, path);
  const missing = found === undefined;
  return [
    {
      rule: missing ? 'missing-key' : 'invalid-value',
      at: yaml.placeOf(path, { key: issue.code === 'invalid_key' }),
      message: missing
        ? `"${format(path)}" is missing.`
        : `"${format(path)}" cannot ${issue.code === 'invalid_key' ? 'be called so' : 'have this value'}.`,
      found: missing
        ? undefined
        : issue.code === 'invalid_key'
          ? describe(path.at(-1))
          : (reference?.written ?? describe(found)),
      expected: expectation(issue, issue.code === 'invalid_type' ? keysAt(schema, path) : []),
      hint:
        issue.code === 'invalid_value' && typeof found === 'string' && reference === undefined
          ? didYouMean(found, issue.values.map(String))
          : undefined,
      path,
    },
  ];
}

/** Of a choice between shapes: what is wrong with the one that the keys are those of, or that is a list, too, when there is exactly one. */
function intoUnions(issue: Issue, root: unknown): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const value = valueAt(root, toPath(issue));
  if (typeof value !== 'object' || value === null) return [issue];
  const close = issue.errors.filter((issues) =>
    issues.every(({ path }) => path.length > 0 && path[0]! in value),
  );
  if (close.length !== 1) return [issue];
  return close[0]!.flatMap((inner) => intoUnions({ ...inner, path: [...issue.path, ...inner.path] }, root));
}

/** A misspelt key is also missing where it belongs: that is one mistake. */
function withoutEchoes(problems: readonly ShapeProblem[]): readonly Problem[] {
  const unknown = problems.filter(({ rule }) => rule === 'unknown-key');
  return problems
    .filter(({ rule, path }) => {
      if (rule !== 'missing-key') return true;
      const siblings = unknown.filter(
        (other) => format(other.path.slice(0, -1)) === format(path.slice(0, -1)),
      );
      return !siblings.some(({ hint }) => hint?.includes(`"${path.at(-1)}"`) === true);
    })
    .map(({ path: _path, ...problem }) => problem);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** @param keys of the map that belongs there */
function expectation(issue: Issue, keys: readonly string[]): string {
  switch (issue.code) {
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'invalid_type':
      // A message of the shape's own says more.
      if (!issue.message.startsWith('Invalid input')) return issue.message;
      if (issue.expected === 'object' && keys.length > 0) return `a map with ${keys.join(', ')}`;
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'too_big':
      return `${amountOf(issue.origin)} at most ${issue.maximum}`;
    case 'too_small':
      return `${amountOf(issue.origin)} at least ${issue.minimum}`;
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join('; ');
    default:
      return issue.message;
  }
}

function amountOf(origin: string): string {
  if (origin === 'array') return 'entries:';
  return origin === 'string' ? 'characters:' : 'a number of';
}

/** Values of settings may be secrets: only their kind is shown, except for short plain words. */
function describe(value: unknown): string {
  if (typeof value === 'string')
    return /^[\w .:/-]{0,40}$/.test(value) ? JSON.stringify(value) : `text of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return `a map with ${Object.keys(value as object).join(', ') || 'no keys'}`;
}

/** `headers.forward[1]` */
function format(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

function toPath(issue: Issue): Path {
  return issue.path.filter((step): step is string | number => typeof step !== 'symbol');
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}

/** The names that a strict map of the shape knows at a path, for suggestions. */
function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  let inner = withoutWrappers(schema);
  for (const step of path) inner = inner.flatMap((each) => within(each, step).flatMap(withoutWrappers));
  return [...new Set(inner.flatMap((each) => (each instanceof z.ZodObject ? Object.keys(each.shape) : [])))];
}

/** Of a key that there is one level further in or out. */
function whereItStands(schema: z.ZodType, path: Path, key: string): string | undefined {
  const inner = keysAt(schema, path).filter((name) => keysAt(schema, [...path, name]).includes(key));
  const places = inner.map((name) => `inside of "${format([...path, name])}"`);
  const isOuter = path.length > 0 && keysAt(schema, path.slice(0, -1)).includes(key);
  if (isOuter) places.push(`beside "${format(path)}"`);
  return places.length === 0 ? undefined : `"${key}" stands ${places.join(' or ')}`;
}

/** What a value may be: each of a choice, without defaults and the like around it. */
function withoutWrappers(schema: unknown): readonly unknown[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(withoutWrappers);
  const { innerType, in: input } = (schema as { def?: { innerType?: unknown; in?: unknown } }).def ?? {};
  const inner = innerType ?? input;
  return inner === undefined ? [schema] : withoutWrappers(inner);
}

function within(schema: unknown, step: string | number): readonly unknown[] {
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (schema instanceof z.ZodArray) return [schema.element];
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, step)) return [];
  return [schema.shape[step]];
}

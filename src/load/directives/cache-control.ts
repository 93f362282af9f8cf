/** `@cacheControl` and `@invalidates`: how long answers may be kept, and what ends it. */
import { type ConstDirectiveNode, type GraphQLField, Kind } from 'graphql';
import { GrammarError, type Path, parsePath } from '../../mapping/path.ts';
import type { Place } from '../../problems.ts';
import type { DirectiveReader } from './directive-reader.ts';

/** What stands on one element. */
export interface CacheHint {
  /** Undefined where nothing is said of it. */
  readonly maxAgeMs: number | undefined;
  readonly scope: 'PUBLIC' | 'PRIVATE' | undefined;
  /** As long as the parent may be kept, instead of the default. */
  readonly inherits: boolean;
}

/** What a mutation makes out of date: all of a type, or one entity. */
export interface Invalidation {
  /** The graph's name. */
  readonly type: string;
  /** Names of an argument and what is in it, or of fields of the result; undefined for all of the type. */
  readonly key: readonly string[] | undefined;
  readonly place: Place;
}

type Annotated = Parameters<DirectiveReader['values']>[1];

/** A year: what HTTP caches can be told. */
const MAX_SECONDS = 31_536_000;

/** Of all nodes of an element together: the shortest time, and private rather than public. */
export function readCacheHint(nodes: readonly Annotated[], reader: DirectiveReader): CacheHint | undefined {
  return shortest(nodes.map((node) => readOne(node, reader)));
}

/** All of them together; undefined where nothing is said. */
export function shortest(hints: ReadonlyArray<CacheHint | undefined>): CacheHint | undefined {
  const given = hints.filter((hint) => hint !== undefined);
  if (given.length < 2) return given[0];
  const ages = given.flatMap(({ maxAgeMs }) => maxAgeMs ?? []);
  return {
    maxAgeMs: ages.length === 0 ? undefined : Math.min(...ages),
    scope: given.some(({ scope }) => scope === 'PRIVATE')
      ? 'PRIVATE'
      : given.find(({ scope }) => scope !== undefined)?.scope,
    inherits: given.some(({ inherits }) => inherits),
  };
}

function readOne(node: Annotated, reader: DirectiveReader): CacheHint | undefined {
  const directive = directiveOf(node, 'cacheControl');
  const values = directive && reader.values('cacheControl', node);
  if (directive === undefined) return undefined;
  if (values === undefined) {
    reader.report(directive, {
      rule: 'cache-values',
      message: '@cacheControl cannot be read: a value is not of the type of its argument.',
      expected: 'maxAge: 60 (seconds), scope: PUBLIC or PRIVATE, inheritMaxAge: true or false',
    });
    return undefined;
  }
  const { maxAge, scope, inheritMaxAge } = values as {
    readonly maxAge?: number | null;
    readonly scope?: CacheHint['scope'] | null;
    readonly inheritMaxAge?: boolean | null;
  };
  const seconds = maxAge ?? undefined;
  if (seconds !== undefined && (seconds < 0 || seconds > MAX_SECONDS)) {
    reader.report(
      directive,
      {
        rule: 'cache-max-age',
        message: 'An answer is kept for a number of seconds.',
        found: String(seconds),
        expected: `0 to ${MAX_SECONDS}`,
      },
      ['maxAge'],
    );
  } else if (seconds !== undefined && inheritMaxAge === true) {
    reader.report(directive, {
      rule: 'cache-max-age',
      message: 'The time is given here, so it cannot be that of the parent as well.',
      found: `maxAge: ${seconds}, inheritMaxAge: true`,
      expected: 'one of them',
    });
  }
  return {
    maxAgeMs: seconds === undefined ? undefined : seconds * 1000,
    scope: scope ?? undefined,
    inherits: inheritMaxAge === true,
  };
}

/** Of a mutation; a directive on any other field is reported. @param ownerName the field's type */
export function readInvalidations(
  ownerName: string,
  field: GraphQLField<unknown, unknown>,
  reader: DirectiveReader,
): readonly Invalidation[] {
  const nodes = field.astNode?.directives?.filter(({ name }) => name.value === 'invalidates') ?? [];
  if (nodes.length > 0 && ownerName !== 'Mutation') {
    reader.report(nodes[0]!, {
      rule: 'invalidates-place',
      message: `Only a mutation makes kept answers out of date; ${ownerName}.${field.name} is none.`,
      hint: 'remove it, or let answers be kept for a shorter time',
    });
    return [];
  }
  return nodes.flatMap((node): readonly Invalidation[] => {
    const values: Record<string, string> = {};
    for (const { name, value } of node.arguments ?? []) {
      if (value.kind === Kind.STRING) values[name.value] = value.value;
      else {
        reader.report(
          node,
          {
            rule: 'cache-values',
            message: `"${name.value}" of @invalidates is no text.`,
            expected: '@invalidates(type: "Station", key: "id")',
          },
          [name.value],
        );
        return [];
      }
    }
    if (values.type === undefined) return [];
    const place = reader.place(node);
    if (values.key === undefined) return [{ type: values.type, key: undefined, place }];
    const path = reader.parse(node, 'key', () => namesOf(parsePath(values.key as string)));
    return path === undefined ? [] : [{ type: values.type, key: path, place }];
  });
}

function namesOf(path: Path): readonly string[] {
  return path.map((step) => {
    if (step.kind === 'key') return step.name;
    throw new GrammarError(0, step.kind === 'each' ? '[]' : `[${step.index}]`, 'names joined by "."');
  });
}

function directiveOf(node: Annotated, name: string) {
  return (node?.directives as readonly ConstDirectiveNode[] | undefined)?.find(
    (directive) => directive.name.value === name,
  );
}

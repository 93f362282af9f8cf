/** What a view says of how long answers may be kept. It can only shorten the time, or keep answers from being everybody's. */
import {
  type ConstDirectiveNode,
  type GraphQLField,
  getNamedType,
  isCompositeType,
  isObjectType,
} from 'graphql';
import { problemWithKey } from '../graph/invalidations.ts';
import {
  type CacheHint,
  type Invalidation,
  readCacheHint,
  readInvalidations,
  shortest,
} from '../load/directives/cache-control.ts';
import type { DirectiveReader } from '../load/directives/directive-reader.ts';
import type { ConnectorField } from '../load/model.ts';
import { didYouMean } from '../problems.ts';
import { directiveOf, textOf, type ViewContext } from './context.ts';
import type { ViewCaching, ViewType } from './view.ts';

interface Input {
  readonly context: ViewContext;
  readonly reader: DirectiveReader;
  readonly built: ReadonlyMap<string, ViewType>;
  /** Of client.yml. */
  readonly defaultMaxAgeMs: number;
}

/** Reads and checks what stands in the view's own file. */
export function buildCaching(input: Input): ViewCaching {
  const { context, reader } = input;
  const hints = new Map<string, CacheHint>();
  const invalidations = new Map<string, readonly Invalidation[]>();
  for (const type of context.types) {
    if (!isCompositeType(type)) continue;
    const ofType = readCacheHint([type.astNode, ...type.extensionASTNodes], reader);
    if (ofType !== undefined) {
      hints.set(type.name, ofType);
      const sources = context.graph.types.get(context.graphNameOf(type.name))?.sources ?? [];
      checkLoosening(
        input,
        { name: type.name, node: type.astNode },
        ofType,
        shortest(sources.map(({ cache }) => cache)),
      );
    }
    if (!('getFields' in type)) continue;
    for (const field of Object.values(type.getFields())) {
      const hint = readCacheHint([field.astNode], reader);
      if (hint !== undefined) {
        hints.set(`${type.name}.${field.name}`, hint);
        checkLoosening(
          input,
          { name: `${type.name}.${field.name}`, node: field.astNode },
          hint,
          graphHintOf(input, type.name, field),
        );
      }
      const own = readInvalidations(type.name, field, reader)
        .flatMap((one) => inGraph(input, one))
        .filter((one) => isReadable(input, field, one));
      if (own.length > 0) invalidations.set(`${type.name}.${field.name}`, own);
    }
  }
  return { hints, invalidations };
}

/** What connectors say of the graph's field at the end of a view field's path, and of the type that it gives. */
function graphHintOf(
  { context, built }: Input,
  typeName: string,
  field: GraphQLField<unknown, unknown>,
): CacheHint | undefined {
  let owner = context.graphNameOf(typeName);
  let hint: CacheHint | undefined;
  for (const step of built.get(typeName)?.fields.get(field.name)?.steps ?? []) {
    const fields: readonly ConnectorField[] = context.graph.types.get(owner)?.fields.get(step)?.sources ?? [];
    hint = shortest(fields.map(({ cache }) => cache));
    owner = fields[0] === undefined ? '' : getNamedType(fields[0].type).name;
  }
  const ofType = shortest((context.graph.types.get(owner)?.sources ?? []).map(({ cache }) => cache));
  const inherits = hint?.inherits || (ofType?.inherits === true && ofType.maxAgeMs === undefined);
  const maxAgeMs = hint?.maxAgeMs ?? (inherits ? Number.POSITIVE_INFINITY : ofType?.maxAgeMs);
  const scope = hint?.scope ?? ofType?.scope;
  const isSilent =
    maxAgeMs === undefined && !isCompositeType(getNamedType(field.type)) && typeName !== 'Query';
  return { maxAgeMs: isSilent ? Number.POSITIVE_INFINITY : maxAgeMs, scope, inherits: false };
}

function checkLoosening(
  { reader, defaultMaxAgeMs }: Input,
  element: { readonly name: string; readonly node: ReaderNode | undefined },
  hint: CacheHint,
  inherited: CacheHint | undefined,
): void {
  const node = directiveNode(element.node);
  if (node === undefined) return;
  const allowedMs = inherited?.inherits ? Number.POSITIVE_INFINITY : (inherited?.maxAgeMs ?? defaultMaxAgeMs);
  if (hint.maxAgeMs !== undefined && hint.maxAgeMs > allowedMs) {
    reader.report(
      node,
      {
        rule: 'view-loosens',
        message: `${element.name} would be kept longer than connectors allow; a view can only shorten the time.`,
        found: `${hint.maxAgeMs / 1000} seconds`,
        expected:
          inherited?.maxAgeMs === undefined
            ? `at most ${allowedMs / 1000}: connectors say nothing of it, and "cache.defaultMaxAge" of client.yml is that`
            : `at most ${allowedMs / 1000}`,
        hint: "allow it with @cacheControl in the connector's schema.graphql",
      },
      ['maxAge'],
    );
  }
  if (hint.scope === 'PUBLIC' && inherited?.scope === 'PRIVATE') {
    reader.report(
      node,
      {
        rule: 'view-loosens',
        message: `${element.name} is private to who asks by what connectors say; a view cannot make it everybody's.`,
        found: 'PUBLIC',
        expected: 'PRIVATE, or nothing',
      },
      ['scope'],
    );
  }
}

type ReaderNode = Parameters<DirectiveReader['values']>[1] | null;

function directiveNode(node: ReaderNode | undefined) {
  const directives = (node?.directives ?? []) as readonly ConstDirectiveNode[];
  return directives.find(({ name }) => name.value === 'cacheControl');
}

/** Keys are read of what goes to the connector and of what it gives, so they are called as there. */
function isReadable(
  { context, built }: Input,
  { name, args }: GraphQLField<unknown, unknown>,
  invalidation: Invalidation,
): boolean {
  const [step = ''] = built.get('Mutation')?.fields.get(name)?.steps ?? [];
  const sources = context.graph.types.get('Mutation')?.fields.get(step)?.sources ?? [];
  const problems = sources.map((source) =>
    problemWithKey(source, invalidation, (type) => context.graph.types.get(type)?.sources ?? []),
  );
  const [problem] = problems;
  if (problem === undefined || problems.includes(undefined)) return true;
  const own = args.find((argument) => argument.name === invalidation.key?.[0]);
  const graphName = textOf(directiveOf(own?.astNode?.directives, 'from'), 'argument');
  context.report(invalidation.place, {
    ...problem,
    ...(graphName !== undefined && { hint: `its connector calls it "${graphName}"` }),
  });
  return false;
}

/** Types are called as in the view where they stand in it. */
function inGraph({ context }: Input, invalidation: Invalidation): readonly Invalidation[] {
  const type = context.types.find(({ name }) => name === invalidation.type);
  if (isCompositeType(type)) return [{ ...invalidation, type: context.graphNameOf(type.name) }];
  const names = context.types.flatMap((one) => (isObjectType(one) ? [one.name] : []));
  const viewName = context.viewNameOf(invalidation.type);
  context.report(invalidation.place, {
    rule: 'invalidates-type',
    message: 'There is no such type in this schema.',
    found: invalidation.type,
    hint:
      viewName === invalidation.type
        ? didYouMean(invalidation.type, names)
        : `here it is called "${viewName}"`,
  });
  return [];
}

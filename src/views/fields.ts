/** The fields of a view: which of the graph's they are, whether their types fit, and how their arguments become the graph's. */
import {
  type ConstDirectiveNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { GraphField } from '../graph/graph.ts';
import { type Literal, parseLiteral } from '../mapping/literal.ts';
import { GrammarError, type Path, parsePath } from '../mapping/path.ts';
import { didYouMean } from '../problems.ts';
import { mapByLiteral, mapByName } from './arguments.ts';
import { type Described, directiveOf, textOf, type ViewContext } from './context.ts';
import type { ViewField } from './view.ts';

export function checkField(
  context: ViewContext,
  graphName: string,
  typeName: string,
  field: GraphQLField<unknown, unknown>,
): ViewField | undefined {
  const from = directiveOf(field.astNode?.directives, 'from');
  const path = steps(context, from, field);
  if (path === undefined) return undefined;
  const text = textOf(from, 'path') ?? textOf(from, 'field');
  const resolved = follow(context, graphName, path, (problem, name) =>
    context.report(
      from === undefined || text === undefined
        ? context.placeOf(field.astNode?.name.loc)
        : context.placeIn(from, textOf(from, 'path') === undefined ? 'field' : 'path', offsetOf(text, name)),
      problem,
    ),
  );
  if (resolved === undefined) return undefined;
  const { last, nullable } = resolved;
  const mismatch = outputMismatch(context, field.type, last.type, nullable);
  if (mismatch !== undefined) {
    context.report(context.placeOf(field.astNode?.type.loc), {
      rule: 'field-type',
      message: `${typeName}.${field.name} does not fit ${resolved.coordinate} of the graph.`,
      found: String(field.type),
      ...mismatch,
    });
  }
  const toGraphArguments = argumentsOf(context, from, field, resolved);
  const usesClaims = from !== undefined && /\$claims\b/.test(textOf(from, 'args') ?? '');
  return { name: field.name, steps: path, usesClaims, toGraphArguments };
}

function steps(
  context: ViewContext,
  from: ConstDirectiveNode | undefined,
  field: GraphQLField<unknown, unknown>,
): readonly string[] | undefined {
  const name = from === undefined ? undefined : textOf(from, 'field');
  const text = from === undefined ? undefined : textOf(from, 'path');
  if (name !== undefined && text !== undefined) {
    context.report(context.placeOf(from?.loc), {
      rule: 'from-arguments',
      message: '@from on a field takes "field" or "path", not both.',
    });
    return undefined;
  }
  if (text === undefined) return [name ?? field.name];
  let path: Path;
  try {
    path = parsePath(text);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    context.report(context.placeIn(from!, 'path', error.offset), {
      rule: 'mapping-syntax',
      message: '"path" cannot be read.',
      found: error.found,
      expected: error.expected,
    });
    return undefined;
  }
  const names = path.flatMap((step) => (step.kind === 'key' ? [step.name] : []));
  if (names.length !== path.length || names.length === 0) {
    context.report(context.placeIn(from!, 'path', Math.max(0, text.search(/\[|^\.$/))), {
      rule: 'from-path',
      message: 'A view flattens through objects, not through lists.',
      found: text,
      expected: 'names joined by "."',
    });
    return undefined;
  }
  return names;
}

function follow(
  context: ViewContext,
  graphName: string,
  path: readonly string[],
  report: (problem: Described, name: string) => void,
) {
  let type: GraphQLNamedType | undefined | null = context.graph.schema.getType(graphName);
  let nullable = false;
  let last: GraphQLField<unknown, unknown> | undefined;
  let coordinate = graphName;
  for (const [index, name] of path.entries()) {
    const owner: string = type?.name ?? graphName;
    coordinate = `${owner}.${name}`;
    const fields: Record<string, GraphQLField<unknown, unknown>> = isObjectType(type) || isInterfaceType(type)
      ? type.getFields()
      : {};
    const known: GraphField | undefined = context.graph.types.get(owner)?.fields.get(name);
    last = fields[name];
    if (last === undefined || known === undefined || known.inaccessible) {
      const visible = [...(context.graph.types.get(owner)?.fields.values() ?? [])]
        .filter(({ inaccessible }) => !inaccessible)
        .map((field) => field.name);
      report(
        {
          rule: 'unknown-field',
          message:
            known?.inaccessible === true
              ? `${coordinate} is @inaccessible: no view may show it.`
              : `"${owner}" has no field "${name}" in the graph.`,
          found: name,
          hint:
            didYouMean(name, visible) ?? (visible.length <= 20 ? `it has ${visible.join(', ')}` : undefined),
        },
        name,
      );
      return undefined;
    }
    if (index === path.length - 1) break;
    if (!isNonNullType(last.type)) nullable = true;
    const inner: GraphQLOutputType = getNullableType(last.type);
    type = isListType(inner) ? undefined : getNamedType(inner);
    if (!isObjectType(type) && !isInterfaceType(type)) {
      report(
        {
          rule: 'from-path',
          message: `A view flattens through objects; ${coordinate} is ${isListType(inner) ? 'a list' : `a ${String(inner)}`}.`,
          found: String(last.type),
        },
        name,
      );
      return undefined;
    }
    const needed = last.args.find(
      (argument) => isNonNullType(argument.type) && argument.default === undefined,
    );
    if (needed !== undefined) {
      report(
        {
          rule: 'from-path',
          message: `A path cannot lead through ${coordinate}: it needs the argument "${needed.name}".`,
          found: `${needed.name}: ${needed.type}`,
        },
        name,
      );
      return undefined;
    }
  }
  return last === undefined ? undefined : { last, nullable, coordinate };
}

function argumentsOf(
  context: ViewContext,
  from: ConstDirectiveNode | undefined,
  field: GraphQLField<unknown, unknown>,
  graphField: { readonly last: GraphQLField<unknown, unknown>; readonly coordinate: string },
): ViewField['toGraphArguments'] {
  const { coordinate } = graphField;
  const target = {
    coordinate,
    inputs: context.inputs,
    graphArguments: graphField.last.args.filter((argument) => !isInaccessible(context, coordinate, argument)),
  };
  const text = from === undefined ? undefined : textOf(from, 'args');
  if (text === undefined) {
    const own = field.args.map((argument) => {
      const rename = directiveOf(argument.astNode?.directives, 'from');
      return {
        argument,
        graphName: (rename === undefined ? undefined : textOf(rename, 'argument')) ?? argument.name,
        report: (problem: Described, part: 'name' | 'type' = 'name') => {
          const text = textOf(rename, 'argument');
          const { name, type } = argument.astNode ?? {};
          const own = context.placeOf(part === 'type' ? type?.loc : name?.loc);
          context.report(
            part === 'type' || text === undefined ? own : context.placeIn(rename!, 'argument'),
            problem,
          );
        },
      };
    });
    return mapByName(own, {
      ...target,
      report: (problem) => context.report(context.placeOf(field.astNode?.name.loc), problem),
    });
  }
  let literal: Literal;
  try {
    literal = parseLiteral(text);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    context.report(context.placeIn(from!, 'args', error.offset), {
      rule: 'mapping-syntax',
      message: '"args" cannot be read.',
      found: error.found,
      expected: error.expected,
    });
    return () => ({});
  }
  return mapByLiteral(field.args, literal, {
    ...target,
    report: (problem, offset = 0) => context.report(context.placeIn(from!, 'args', offset), problem),
    reportArgument: (argument, problem) =>
      context.report(context.placeOf(argument.astNode?.name.loc), problem),
  });
}

/** Where a step of a path stands in its text. */
function offsetOf(text: string, name: string): number {
  return Math.max(0, text.search(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`)));
}

function isInaccessible(context: ViewContext, coordinate: string, argument: GraphQLArgument): boolean {
  const [owner = '', name = ''] = coordinate.split('.');
  const sources = context.graph.types.get(owner)?.fields.get(name)?.sources ?? [];
  return sources.some(({ args }) => args.some((own) => own.name === argument.name && own.inaccessible));
}

function outputMismatch(
  context: ViewContext,
  view: GraphQLOutputType,
  graph: GraphQLOutputType,
  nullable: boolean,
): { expected: string; hint?: string } | undefined {
  const weakened = nullable && isNonNullType(graph) ? graph.ofType : graph;
  if (covers(context, view, weakened)) return undefined;
  const expected = inViewNames(context, weakened);
  const wouldFit = isNonNullType(view) && covers(context, view.ofType, weakened);
  return { expected, hint: wouldFit ? 'the value may be null: remove the "!"' : undefined };
}

function covers(context: ViewContext, view: GraphQLOutputType, graph: GraphQLOutputType): boolean {
  if (isNonNullType(view)) return isNonNullType(graph) && covers(context, view.ofType, graph.ofType);
  if (isNonNullType(graph)) return covers(context, view, graph.ofType);
  if (isListType(view) || isListType(graph))
    return isListType(view) && isListType(graph) && covers(context, view.ofType, graph.ofType);
  return context.graphNameOf((view as GraphQLNamedType).name) === (graph as GraphQLNamedType).name;
}

function inViewNames(context: ViewContext, type: GraphQLOutputType): string {
  const name = getNamedType(type).name;
  return String(type).replace(name, context.viewNameOf(name));
}

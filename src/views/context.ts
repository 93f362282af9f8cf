/** What every check of one view needs: its types by name, the graph they stand for, and where problems go. */
import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isObjectType,
  type Location,
} from 'graphql';
import type { Graph } from '../graph/graph.ts';
import { placeInArgument, placeOf } from '../load/sdl.ts';
import { type Literal, parseLiteral } from '../mapping/literal.ts';
import { GrammarError } from '../mapping/path.ts';
import type { Place, Problem, Problems } from '../problems.ts';
import { InputTypes } from './input-types.ts';

export type Described = Omit<Problem, 'at'>;

export class ViewContext {
  readonly graph: Graph;
  /** The types that the client's file defines. */
  readonly types: readonly GraphQLNamedType[];
  readonly inputs: InputTypes;
  readonly #file: string;
  readonly #problems: Problems;
  /** The graph's names by the view's, where they differ. */
  readonly #graphNames: ReadonlyMap<string, string>;
  readonly #viewNames: ReadonlyMap<string, string>;

  constructor(
    types: readonly GraphQLNamedType[],
    graph: Graph,
    { file, problems }: { readonly file: string; readonly problems: Problems },
  ) {
    this.types = types;
    this.graph = graph;
    this.#file = file;
    this.#problems = problems;
    this.#graphNames = new Map(
      types.flatMap(({ name, astNode }) => {
        const from = directiveOf(astNode?.directives, 'from');
        const graphName = from === undefined ? undefined : textOf(from, 'type');
        return graphName === undefined ? [] : [[name, graphName] as const];
      }),
    );
    this.#viewNames = new Map([...types].reverse().map(({ name }) => [this.graphNameOf(name), name]));
    this.inputs = new InputTypes(types, (name) => this.graphNameOf(name));
  }

  graphNameOf(viewName: string): string {
    return this.#graphNames.get(viewName) ?? viewName;
  }

  /** The view's first type that stands for one of the graph's; its own name when there is none. */
  viewNameOf(graphName: string): string {
    return this.#viewNames.get(graphName) ?? graphName;
  }

  placeOf(loc: Location | undefined): Place {
    return placeOf(loc, this.#file);
  }

  placeIn(node: ConstDirectiveNode, argument: string, offset = 0): Place {
    return placeInArgument(node, [argument], offset, this.#file);
  }

  report(at: Place, problem: Described): void {
    this.#problems.report({ at, ...problem });
  }
}

export function directiveOf(
  directives: readonly ConstDirectiveNode[] | undefined,
  name: string,
): ConstDirectiveNode | undefined {
  return directives?.find((node) => node.name.value === name);
}

/** The text of an argument. */
export function textOf(node: ConstDirectiveNode | undefined, argument: string): string | undefined {
  const value = node?.arguments?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === 'StringValue' ? value.value : undefined;
}

/** What a view writes into the arguments of a field; undefined where it writes nothing, or nothing that can be read, which is reported elsewhere. */
export function lockedArguments(field: Pick<GraphQLField<unknown, unknown>, 'astNode'>): Literal | undefined {
  const text = textOf(directiveOf(field.astNode?.directives, 'from'), 'args');
  if (text === undefined) return undefined;
  try {
    return parseLiteral(text);
  } catch (error) {
    if (error instanceof GrammarError) return undefined;
    throw error;
  }
}

/** Named in one problem at most. */
export const MAX_NAMED = 5;

/** Where a field stands in a view's file. @param coordinate `Type.field` */
export function placeOfField(schema: GraphQLSchema, coordinate: string, file: string): Place {
  const [typeName = '', fieldName = ''] = coordinate.split('.');
  const type = schema.getType(typeName);
  return placeOf(isObjectType(type) ? type.getFields()[fieldName]?.astNode?.name.loc : undefined, file);
}

/**
 * The schema as the client sees it: without Hem's directives, with descriptions and deprecations inherited from the graph, and with the
 * directives that let parts of an answer come later. Its types are those of the view's own schema, which nobody needs any more once
 * it is checked.
 */
import {
  type ConstDirectiveNode,
  GraphQLDeferDirective,
  type GraphQLNamedType,
  type GraphQLOutputType,
  GraphQLSchema,
  GraphQLStreamDirective,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  specifiedDirectives,
} from 'graphql';
import type { Graph } from '../graph/graph.ts';
import { directiveOf, textOf } from './context.ts';
import type { ViewType } from './view.ts';

/** A type, field, argument, enum value or input field. */
interface Element {
  description?: string | null | undefined;
  deprecationReason?: string | null | undefined;
  astNode?: unknown;
}

interface Written {
  readonly astNode?: { readonly directives?: readonly ConstDirectiveNode[] } | null | undefined;
}

/** @param schema the view's own, checked, with directives; it is used up */
export function toPublicSchema(
  schema: GraphQLSchema,
  graph: Graph,
  types: ReadonlyMap<string, ViewType>,
  file: string,
): GraphQLSchema {
  const used = usedTypes(schema, file);
  for (const type of used) {
    const view = types.get(type.name);
    documentMembers(type, view, graph);
    document(type, graph.schema.getType(view?.graphName ?? type.name));
    type.extensionASTNodes = [];
  }
  return new GraphQLSchema({
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
    types: used,
    directives: [...specifiedDirectives, GraphQLDeferDirective, GraphQLStreamDirective],
    // It was validated with the view.
    assumeValid: true,
  });
}

/** The file's own types, and those of Hem's scalars that they use. */
function usedTypes(schema: GraphQLSchema, file: string): readonly GraphQLNamedType[] {
  const all = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  );
  const own = new Set(all.filter((type) => type.astNode?.loc?.source.name === file));
  const named = new Set<GraphQLNamedType>();
  for (const type of own) {
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) named.add(getNamedType(field.type));
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      named.add(getNamedType(field.type));
      for (const argument of field.args) named.add(getNamedType(argument.type));
    }
  }
  return [...own, ...all.filter((type) => isScalarType(type) && !own.has(type) && named.has(type))];
}

function documentMembers(type: GraphQLNamedType, view: ViewType | undefined, graph: Graph): void {
  const graphType = graph.schema.getType(view?.graphName ?? type.name);
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      const target = view === undefined ? undefined : graphFieldOf(view, field.name, graph);
      for (const argument of field.args) {
        const name = fromText(argument, 'argument') ?? argument.name;
        document(
          argument,
          target?.args.find((other) => other.name === name),
        );
      }
      document(field, target);
    }
  } else if (isInputObjectType(type)) {
    const targets = isInputObjectType(graphType) ? graphType.getFields() : {};
    for (const field of Object.values(type.getFields()))
      document(field, targets[fromText(field, 'field') ?? field.name]);
  } else if (isEnumType(type)) {
    for (const value of type.getValues()) {
      const name = fromText(value, 'value') ?? value.name;
      document(value, isEnumType(graphType) ? graphType.getValue(name) : undefined);
    }
  }
}

/** The graph's field that a view's field is, at the end of its path. */
function graphFieldOf(view: ViewType, name: string, graph: Graph) {
  const steps = view.fields.get(name)?.steps ?? [];
  let owner: string | undefined = view.graphName;
  for (const step of steps.slice(0, -1)) {
    const type: GraphQLOutputType | undefined =
      owner === undefined ? undefined : fieldOf(graph.schema.getType(owner), step)?.type;
    owner = type === undefined ? undefined : getNamedType(type).name;
  }
  const last = steps.at(-1);
  return owner === undefined || last === undefined ? undefined : fieldOf(graph.schema.getType(owner), last);
}

function fieldOf(type: GraphQLNamedType | undefined, name: string) {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

/** Its own description and deprecation, else the graph's. What it was read from has told everything by then. */
function document(element: Element, inherited: Element | null | undefined): void {
  element.description ??= inherited?.description;
  if (typeof inherited?.deprecationReason === 'string')
    element.deprecationReason ??= inherited.deprecationReason;
  element.astNode = undefined;
}

function fromText({ astNode }: Written, argument: string): string | undefined {
  return textOf(directiveOf(astNode?.directives, 'from'), argument);
}

/** Whether what a view's input type takes is what the graph's takes. */
import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
} from 'graphql';
import type { InputMapping } from './arguments.ts';

/** Undefined when every value of the view's type is one of the graph's; else the type that is expected. */
export function inputMismatch(
  view: GraphQLInputType,
  graph: GraphQLInputType,
  hasDefault: boolean,
  inputs: InputMapping,
): string | undefined {
  return fits(view, hasDefault && isNonNullType(graph) ? graph.ofType : graph, inputs)
    ? undefined
    : String(graph);
}

function fits(view: GraphQLInputType, graph: GraphQLInputType, inputs: InputMapping): boolean {
  if (isNonNullType(graph)) return isNonNullType(view) && fits(view.ofType, graph.ofType, inputs);
  if (isNonNullType(view)) return fits(view.ofType, graph, inputs);
  if (isListType(graph)) return isListType(view) && fits(view.ofType, graph.ofType, inputs);
  if (isListType(view)) return false;
  const [viewName, graphName] = [getNamedType(view).name, getNamedType(graph).name];
  if (isScalarType(view))
    return viewName === graphName || (graphName === 'ID' && (viewName === 'String' || viewName === 'Int'));
  return (isEnumType(view) || isInputObjectType(view)) && inputs.graphName(viewName) === graphName;
}

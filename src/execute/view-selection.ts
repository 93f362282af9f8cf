/** What a view's selection wants of the graph, for connectors that ask only for what is selected. */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isObjectType,
  type SelectionSetNode,
} from 'graphql';
import type { View, ViewField } from '../views/view.ts';
import type { Execution } from './execution.ts';
import { Identities } from './identities.ts';
import { addWanted, recordKey, type Wanted, type WantedByType } from './wanted.ts';

/** What is wanted of the value that a field returns, per concrete graph type. */
export function wantedBelow(execution: Execution, view: Names, info: GraphQLResolveInfo): WantedByType {
  return new Collector(execution, view, info).below(info.returnType, info.fieldNodes);
}

/** What is wanted of the object that a path begins at: the path, and at its end what is wanted there. */
export function wantedAlong(
  graphTypeOf: (step: number) => string,
  steps: readonly string[],
  args: Readonly<Record<string, unknown>>,
  below: WantedByType,
): WantedByType {
  return steps.reduceRight<WantedByType>((inner, name, index) => {
    const wanted: Wanted = new Map();
    const own = index === steps.length - 1 ? args : {};
    addWanted(wanted, { key: recordKey(name, own), name, args: own, below: inner });
    return new Map([[graphTypeOf(index), wanted]]);
  }, below);
}

/** The part of a view that names and shapes are read from. A schema of the graph's own names is one, too: {@link plainNames}. */
export interface Names {
  readonly schema: View['schema'];
  readonly types: {
    get(
      name: string,
    ):
      | { readonly graphName: string; readonly fields: { get(name: string): ViewField | undefined } }
      | undefined;
  };
}

/** Names of a schema that are the graph's own. */
export function plainNames(schema: View['schema']): Names {
  const fields = {
    get: (name: string): ViewField => ({
      name,
      steps: [name],
      usesClaims: false,
      toGraphArguments: ({ args }) => args,
    }),
  };
  return { schema, types: { get: (name) => ({ graphName: name, fields }) } };
}

class Collector {
  readonly #execution: Execution;
  readonly #view: Names;
  readonly #info: GraphQLResolveInfo;
  readonly #identities = new Identities();
  /** By type and nodes: a field of an interface is selected once and wanted of each type. */
  readonly #known = new Map<string, WantedByType>();

  constructor(execution: Execution, view: Names, info: GraphQLResolveInfo) {
    this.#execution = execution;
    this.#view = view;
    this.#info = info;
  }

  below(returnType: GraphQLResolveInfo['returnType'], nodes: readonly FieldNode[]): WantedByType {
    const type = getNamedType(returnType);
    const key = this.#identities.keyOf([type, ...nodes]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const concrete = isAbstractType(type)
      ? this.#view.schema.getPossibleTypes(type)
      : isObjectType(type)
        ? [type]
        : [];
    const wanted = new Map(
      concrete.map((object) => [this.#graphName(object.name), this.#ofObject(object, nodes)]),
    );
    this.#known.set(key, wanted);
    return wanted;
  }

  #ofObject(type: GraphQLObjectType, nodes: readonly FieldNode[]): Wanted {
    const grouped = new Map<string, FieldNode[]>();
    for (const node of nodes)
      if (node.selectionSet !== undefined) this.#collect(type, node.selectionSet, grouped, new Set());
    const wanted: Wanted = new Map();
    for (const fieldNodes of grouped.values()) {
      const name = fieldNodes[0]!.name.value;
      const viewField = this.#view.types.get(type.name)?.fields.get(name);
      const field = type.getFields()[name];
      if (viewField === undefined || field === undefined) continue;
      if (this.#execution.denied?.denialOf(type.name, fieldNodes[0]!) !== undefined) continue;
      const args = this.#argumentsOf(field, fieldNodes[0]!);
      if (args === undefined) continue;
      const graphArgs = viewField.toGraphArguments({ args, claims: this.#execution.caller.claims });
      this.#addSteps(
        wanted,
        this.#graphName(type.name),
        viewField,
        graphArgs,
        this.below(field.type, fieldNodes),
      );
    }
    return wanted;
  }

  /** Undefined when they are wrong: that is an error of the field, if it is ever come to, and not of what is above. */
  #argumentsOf(
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
  ): Readonly<Record<string, unknown>> | undefined {
    try {
      return getArgumentValues(field, node, this.#info.variableValues);
    } catch {
      return undefined;
    }
  }

  #addSteps(
    wanted: Wanted,
    graphType: string,
    { steps }: ViewField,
    args: Readonly<Record<string, unknown>>,
    below: WantedByType,
  ): void {
    const along = wantedAlong(typesAlong(this.#execution, graphType, steps), steps, args, below);
    for (const field of along.get(graphType)?.values() ?? []) addWanted(wanted, field);
  }

  #collect(
    type: GraphQLObjectType,
    selectionSet: SelectionSetNode,
    grouped: Map<string, FieldNode[]>,
    visited: Set<string>,
  ): void {
    for (const node of selectionSet.selections) {
      if (!this.#included(node)) continue;
      if (node.kind === 'Field') {
        const key = node.alias?.value ?? node.name.value;
        const nodes = grouped.get(key) ?? [];
        nodes.push(node);
        grouped.set(key, nodes);
        continue;
      }
      let fragment: Pick<FragmentDefinitionNode, 'selectionSet'> & {
        readonly typeCondition?: FragmentDefinitionNode['typeCondition'];
      } = node as never;
      if (node.kind === 'FragmentSpread') {
        if (visited.has(node.name.value)) continue;
        visited.add(node.name.value);
        const definition = this.#info.fragments[node.name.value];
        if (definition === undefined) continue;
        fragment = definition;
      }
      if (this.#applies(fragment.typeCondition?.name.value, type))
        this.#collect(type, fragment.selectionSet, grouped, visited);
    }
  }

  #applies(condition: string | undefined, type: GraphQLObjectType): boolean {
    if (condition === undefined || condition === type.name) return true;
    const conditional = this.#view.schema.getType(condition);
    return isAbstractType(conditional) && this.#view.schema.isSubType(conditional, type);
  }

  #included(node: Parameters<typeof getDirectiveValues>[1]): boolean {
    const { variableValues } = this.#info;
    return (
      getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.if !== true &&
      getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.if !== false
    );
  }

  #graphName(viewName: string): string {
    return this.#view.types.get(viewName)?.graphName ?? viewName;
  }
}

/** The graph types at the steps of a path. */
export function typesAlong(
  execution: Execution,
  graphType: string,
  steps: readonly string[],
): (step: number) => string {
  const names = [graphType];
  for (const step of steps.slice(0, -1)) {
    const source = execution.graph.types.get(names.at(-1)!)?.fields.get(step)?.sources[0];
    names.push(source === undefined ? '' : getNamedType(source.type).name);
  }
  return (step) => names[step] ?? '';
}

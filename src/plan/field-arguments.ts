/** Arguments of a view's fields as the graph's, and the keys under which records carry what depends on them. */
import { type GraphQLObjectType, getNamedType, print } from 'graphql';
import type { Arguments } from '../execute/call-arguments.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { View, ViewField } from '../views/view.ts';
import { compileArguments } from './arguments.ts';
import type { CollectedField } from './collect.ts';
import type { Run } from './run.ts';
import { NO_VARIABLES } from './variables.ts';

/** Arguments of a graph field as a function of the run. */
export type GraphArguments = (run: Run) => Arguments;

export class FieldArguments {
  readonly #view: View;
  readonly #graph: ComposedGraph;
  /** Keys of record fields with arguments: equal for equal arguments. */
  readonly #recordKeys = new Map<string, string>();

  constructor(view: View, graph: ComposedGraph) {
    this.#view = view;
    this.#graph = graph;
  }

  graphArguments(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): GraphArguments {
    const { of, constant } = this.#viewArguments(type, collected);
    const convert = viewField.toGraphArguments;
    if (constant && !viewField.usesClaims) {
      let values: Arguments | undefined;
      return (run) => {
        values ??= convert({ args: of(run.variables), claims: {} });
        return values;
      };
    }
    return (run) => convert({ args: of(run.variables), claims: run.execution.caller.claims });
  }

  #viewArguments(type: GraphQLObjectType, collected: CollectedField) {
    const node = collected.nodes[0]!;
    return compileArguments(type.getFields()[node.name.value]!, node);
  }

  /** Under which key a record carries the field at the end of a path: equal arguments share one. */
  recordKey(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): string {
    const { steps } = viewField;
    const name = steps.at(-1)!;
    const owner = this.typesAlong(this.graphName(type), steps).at(-1)!;
    const given = collected.nodes[0]!.arguments ?? [];
    if (this.argumentNames(owner, name).length === 0) return name;
    if (given.length === 0 && this.#hasNoArguments(type, viewField, collected)) return name;
    // A view's field of the same name may lock other arguments on another type.
    const id = `${type.name}.${viewField.name}(${given.map(print).sort().join(' ')})`;
    const key = this.#recordKeys.get(id) ?? `${name}_${this.#recordKeys.size}`;
    this.#recordKeys.set(id, key);
    return key;
  }

  /** Of a field that the operation gives none: neither defaults nor the view add any. */
  #hasNoArguments(type: GraphQLObjectType, viewField: ViewField, collected: CollectedField): boolean {
    if (viewField.usesClaims) return false;
    const { of } = this.#viewArguments(type, collected);
    const values = viewField.toGraphArguments({ args: of(NO_VARIABLES), claims: {} });
    return Object.values(values).every((value) => value === undefined);
  }

  /** The arguments of a graph's field that are its callers' to give. */
  argumentNames(owner: string, name: string): readonly string[] {
    const sources = this.#graph.types.get(owner)?.fields.get(name)?.sources ?? [];
    const open = sources.flatMap(({ args }) =>
      args.filter(({ claim, require }) => claim === undefined && require === undefined),
    );
    return [...new Set(open.map((argument) => argument.name))];
  }

  graphName(type: GraphQLObjectType): string {
    return this.#view.types.get(type.name)?.graphName ?? type.name;
  }

  typesAlong(graphType: string, steps: readonly string[]): readonly string[] {
    const names = [graphType];
    for (const step of steps.slice(0, -1)) {
      const source = this.#graph.types.get(names.at(-1)!)?.fields.get(step)?.sources[0];
      names.push(source === undefined ? '' : getNamedType(source.type).name);
    }
    return names;
  }
}
